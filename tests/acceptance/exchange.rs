//! Calls of a byway's API, and events brought to it as a peer, a stranger or a liar would bring them.

use serde_json::{Value, json};

use crate::case::{Call, Replay};
use crate::http::{Request, Response};
use crate::world::{Sent, World};

/// Makes a call and notes its answer.
pub fn call(world: &mut World, call: &Call) -> Result<(), String> {
    let (method, path) = call
        .request
        .split_once(' ')
        .ok_or("a request is `METHOD /path`")?;
    let mut headers = Vec::new();
    if let Some(token) = token(world, &call.byway, &call.token)? {
        headers.push(("authorization".to_owned(), format!("Bearer {token}")));
    }
    for (name, value) in &call.headers {
        headers.push((name.to_ascii_lowercase(), world.words.fill_in(value)?));
    }
    if !headers.iter().any(|(name, _)| name == "content-type") {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    let body = match &call.sized {
        Some(sized) => json!({ "to": sized.to, "text": "x".repeat(sized.bytes) }).to_string(),
        None => world.words.fill_in(&call.body)?,
    };
    let path = world.words.fill_in(path)?;
    let request = Request {
        method: method.into(),
        path,
        headers,
        body: body.into_bytes(),
    };
    let response = world.call(&call.byway, &request)?;
    let whole = format!("{} {}", response.status, response.text());
    for words in &call.says {
        let words = world.words.fill_in(words)?;
        if !whole.contains(&words) {
            return Err(format!("{} does not say `{words}`: {whole}", call.request));
        }
    }
    never(&call.never, &whole)?;
    let answer = response.json();
    if let Some(name) = &call.name {
        name_message(world, name, &call.byway, &answer).map_err(|why| format!("{why}: {whole}"))?;
    }
    world.noted.push(json!({
        "call": call.request,
        "as": call.token,
        "status": response.status,
        "picked": picked(&answer, &call.pick),
    }));
    Ok(())
}

/// The token that a case means.
fn token(world: &World, byway: &str, token: &str) -> Result<Option<String>, String> {
    match token.split_once(':') {
        None if token == "none" => Ok(None),
        None if token == "admin" => world.admin_token(byway).map(Some),
        Some(("agent", name)) => {
            let ran = world.run(byway, &["token".into(), name.into()], None)?;
            let text = ran.stdout.trim();
            if text.is_empty() {
                Err(format!("`byway token {name}`: {}", ran.stderr))
            } else {
                Ok(Some(text.to_owned()))
            }
        }
        _ => Ok(Some(world.words.fill_in(token)?)),
    }
}

/// Brings what a far side has seen to a byway, through one of its doors, and notes what it says.
pub fn replay(world: &mut World, replay: &Replay) -> Result<(), String> {
    let seen = world.far(&replay.far)?.seen();
    let request = seen
        .get(replay.request)
        .ok_or_else(|| format!("{} has not seen that request", replay.far))?;
    let mut event: Value =
        serde_json::from_slice(&request.body).map_err(|error| format!("not an event: {error}"))?;
    for (pointer, value) in &replay.set {
        set(
            &mut event,
            pointer,
            serde_json::to_value(value).unwrap_or_default(),
            &world.words,
        )?;
    }
    for pointer in &replay.remove {
        let (parent, name) = pointer.rsplit_once('/').ok_or("a pointer begins with /")?;
        let removed = event
            .pointer_mut(parent)
            .and_then(Value::as_object_mut)
            .and_then(|fields| fields.remove(name));
        removed.ok_or_else(|| format!("there is nothing at {pointer} to take out"))?;
    }
    let what = json!({ "set": replay.set, "remove": replay.remove });
    let body = event.to_string().into_bytes();
    let (whole, noted) = match replay.door.as_str() {
        "http" => {
            let response = inbound(world, &replay.byway, body)?;
            (
                response.text(),
                json!({ "http": response.status, "said": said(&response.json()) }),
            )
        }
        "accept" => {
            let ran = world.run(
                &replay.byway,
                &["accept".into(), "-".into(), "--json".into()],
                Some(&body),
            )?;
            let told = if ran.stdout.trim().is_empty() {
                &ran.stderr
            } else {
                &ran.stdout
            };
            let answer = serde_json::from_str(told).unwrap_or_default();
            (
                format!("{}{}", ran.stdout, ran.stderr),
                json!({ "exit": ran.code, "said": said(&answer) }),
            )
        }
        other => return Err(format!("there is no door `{other}`")),
    };
    never(&replay.never, &whole)?;
    world
        .noted
        .push(json!({ "replay": what, "to": replay.byway, "answer": noted }));
    Ok(())
}

fn inbound(world: &World, byway: &str, body: Vec<u8>) -> Result<Response, String> {
    let headers = vec![(
        "content-type".to_owned(),
        "application/cloudevents+json".to_owned(),
    )];
    world.call(
        byway,
        &Request {
            method: "POST".into(),
            path: "/v1/inbound".into(),
            headers,
            body,
        },
    )
}

/// The parts of an answer that say how it ended.
fn said(answer: &Value) -> Value {
    picked(
        answer,
        &[
            "/code",
            "/title",
            "/detail",
            "/status",
            "/recipient",
            "/duplicate",
        ]
        .map(str::to_owned),
    )
}

fn set(event: &mut Value, pointer: &str, value: Value, words: &crate::words::Words) -> Result<(), String> {
    let value = match value {
        Value::String(text) => Value::String(words.fill_in(&text)?),
        other => other,
    };
    let (parent, name) = pointer.rsplit_once('/').ok_or("a pointer begins with /")?;
    let fields = event
        .pointer_mut(parent)
        .and_then(Value::as_object_mut)
        .ok_or("there is no such place")?;
    fields.insert(name.to_owned(), value);
    Ok(())
}

/// The values at these places, those that are there.
pub fn picked(answer: &Value, pointers: &[String]) -> Value {
    pointers
        .iter()
        .filter_map(|pointer| {
            Some((
                pointer.trim_start_matches('/').to_owned(),
                answer.pointer(pointer)?.clone(),
            ))
        })
        .collect()
}

/// None of these words may be in the text.
pub fn never(words: &[String], text: &str) -> Result<(), String> {
    match words.iter().find(|words| text.contains(words.as_str())) {
        Some(words) => Err(format!("`{words}` must not be told: {text}")),
        None => Ok(()),
    }
}

/// Gives the message whose id an answer has a name.
pub fn name_message(world: &mut World, name: &str, byway: &str, answer: &Value) -> Result<(), String> {
    let id = answer
        .pointer("/id")
        .and_then(Value::as_str)
        .ok_or("the answer has no id")?
        .to_owned();
    world.words.set(&format!("{name}.id"), &id);
    world.messages.insert(
        name.to_owned(),
        Sent {
            byway: byway.to_owned(),
            id,
            to: None,
            text: None,
        },
    );
    Ok(())
}

/// Everything in an inbox, `agent@instance`, on a running byway.
pub fn inbox(world: &World, address: &str) -> Result<Vec<Value>, String> {
    let (agent, instance) = address.split_once('@').ok_or("an inbox is `agent@instance`")?;
    let response = world.get(instance, &format!("/v1/agents/{agent}/inbox?all=true&limit=200"))?;
    let items = response
        .json()
        .pointer("/items")
        .and_then(Value::as_array)
        .cloned();
    items.ok_or_else(|| format!("the inbox of {address}: {} {}", response.status, response.text()))
}
