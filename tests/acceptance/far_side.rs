//! A far side that does what the case's script says, and remembers everything it was sent.

use std::io::BufReader;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::answer::{self, Connection};
use crate::bot::Bot;
use crate::case::{Answer, Say};
use crate::frames::{self, Names, Script};
use crate::http::{self, Request};

/// How often a quiet connection looks whether the case is over.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A running far side. Ends when it is dropped.
pub struct Running {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

struct Shared {
    answers: Mutex<Vec<Answer>>,
    frames: Mutex<Script>,
    bot: Mutex<Option<Bot>>,
    /// Connections that were played so far.
    played: AtomicUsize,
    /// What the frames' names stand for.
    names: Mutex<Names>,
    seen: Mutex<Vec<(Instant, Request)>>,
    over: AtomicBool,
}

impl Running {
    /// Listens on a free port of loopback. It has no script yet, and answers nobody.
    pub fn listen() -> Result<Self, String> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let shared = Arc::new(Shared {
            answers: Mutex::default(),
            frames: Mutex::default(),
            bot: Mutex::default(),
            played: AtomicUsize::new(0),
            names: Mutex::default(),
            seen: Mutex::default(),
            over: AtomicBool::new(false),
        });
        let for_thread = Arc::clone(&shared);
        let listening = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if for_thread.over.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&for_thread);
                std::thread::spawn(move || serve(&stream, &shared));
            }
        });
        Ok(Self {
            address,
            shared,
            listening: Some(listening),
        })
    }

    /// Gives it its script.
    pub fn script(&self, answers: Vec<Answer>) {
        *locked(&self.shared.answers) = answers;
    }

    /// Gives it frames to say and hear.
    pub fn play(&self, frames: Script) {
        *locked(&self.shared.frames) = frames;
    }

    /// Makes a Bot API of it.
    pub fn be_a_bot(&self) {
        *locked(&self.shared.bot) = Some(Bot::default());
    }

    /// Somebody writes to the bot.
    pub fn hear(&self, say: &Say, text: &str, reply_to: Option<&str>) -> Result<(), String> {
        let mut bot = locked(&self.shared.bot);
        bot.as_mut().ok_or("that is no bot")?.hear(say, text, reply_to)
    }

    /// Its URL, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it has been sent so far.
    pub fn seen(&self) -> Vec<Request> {
        locked(&self.shared.seen)
            .iter()
            .map(|(_, request)| request.clone())
            .collect()
    }

    /// The shortest time between two requests; none where there were not two.
    pub fn shortest_pause(&self) -> Option<Duration> {
        locked(&self.shared.seen)
            .windows(2)
            .map(|pair| pair[1].0 - pair[0].0)
            .min()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // Wakes the listener, so that it sees that it is over.
        drop(TcpStream::connect(self.address));
        if let Some(listening) = self.listening.take() {
            drop(listening.join());
        }
    }
}

fn serve(stream: &TcpStream, shared: &Shared) {
    let (Ok(for_reading), Ok(mut for_writing)) = (stream.try_clone(), stream.try_clone()) else {
        return;
    };
    let mut reader = BufReader::new(for_reading);
    if !locked(&shared.frames).is_empty() {
        return converse(for_writing, shared);
    }
    loop {
        if !wait_for_bytes(stream, &reader, shared) {
            return;
        }
        let Ok(Some(request)) = http::read_request(&mut reader) else {
            return;
        };
        let answer = remember(&request, shared);
        match answer.map(|answer| answer::give(&answer, &request, &mut for_writing)) {
            Some(Connection::Stays) => {}
            Some(Connection::Closes) | None => return drop(stream.shutdown(std::net::Shutdown::Both)),
            Some(Connection::Hangs) => {
                while !shared.over.load(Ordering::SeqCst) {
                    std::thread::sleep(LOOK_EVERY);
                }
                return;
            }
        }
    }
}

/// Plays the next connection of the script.
fn converse(stream: TcpStream, shared: &Shared) {
    let number = shared.played.fetch_add(1, Ordering::SeqCst);
    let steps = {
        let frames = locked(&shared.frames);
        frames.get(number.min(frames.len() - 1)).cloned()
    };
    let heard = |frame: &serde_json::Value, fits: bool| {
        let method = frame["method"].as_str().unwrap_or("(none)");
        let request = Request {
            method: if fits { "FRAME" } else { "UNEXPECTED FRAME" }.into(),
            path: method.into(),
            headers: Vec::new(),
            body: frame.to_string().into_bytes(),
        };
        locked(&shared.seen).push((Instant::now(), request));
    };
    let is_over = || shared.over.load(Ordering::SeqCst);
    frames::play(
        stream,
        &steps.unwrap_or_default(),
        &shared.names,
        &heard,
        &is_over,
    );
}

/// A kept-alive connection is quiet between requests; the case may end meanwhile.
fn wait_for_bytes(stream: &TcpStream, reader: &BufReader<TcpStream>, shared: &Shared) -> bool {
    if !reader.buffer().is_empty() {
        return true;
    }
    loop {
        if shared.over.load(Ordering::SeqCst) || stream.set_read_timeout(Some(LOOK_EVERY)).is_err() {
            return false;
        }
        match stream.peek(&mut [0]) {
            Ok(0) => return false,
            Ok(_) => return stream.set_read_timeout(Some(Duration::from_secs(20))).is_ok(),
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ) => {}
            Err(_) => return false,
        }
    }
}

fn remember(request: &Request, shared: &Shared) -> Option<Answer> {
    if let Some(bot) = locked(&shared.bot).as_mut() {
        let (body, is_sent) = bot.answer(request);
        if is_sent {
            locked(&shared.seen).push((Instant::now(), request.clone()));
        }
        return Some(Answer::good(body));
    }
    let mut seen = locked(&shared.seen);
    let answers = locked(&shared.answers);
    let place = seen.len().min(answers.len().saturating_sub(1));
    seen.push((Instant::now(), request.clone()));
    answers.get(place).cloned()
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
