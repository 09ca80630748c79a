// Gives messages to a room server over a WebSocket: an adapter in JavaScript, whole.
//
// The server is a made-up one. It wants a login, then takes messages as JSON, each with a key by which it
// recognises a repetition, and answers each with the name that it gives to it. What an operator has to
// write stands in `byway.toml` beside this file; `docs/adapters/writing-your-own.md` goes through it.
//
// The contract is `wit/transport.wit`. Names of two words become camelCase, `option` becomes null, an
// error of a `result` is thrown, and each interface that is imported or exported is one object.

import * as config from "byway:transport/config@0.1.0";
import * as secrets from "byway:transport/secrets@0.1.0";
import * as websocket from "byway:transport/websocket@0.1.0";

/** How long the server may take to answer the login, in milliseconds. */
const LOGIN_MS = 5_000;

const KEYS = {
  url: "The room server's address, as in \"ws://127.0.0.1:8080/room\".",
  token: "The name of the secret that the server takes as its token.",
};

const SCHEMA = {
  type: "object",
  additionalProperties: false,
  required: Object.keys(KEYS),
  properties: Object.fromEntries(
    Object.entries(KEYS).map(([key, description]) => [key, { type: "string", description }]),
  ),
};

// What byway calls.

export const adapter = {
  describe() {
    return {
      name: "room",
      version: "0.1.0",
      summary: "A message to a room server, over a WebSocket.",
      configSchema: JSON.stringify(SCHEMA),
      maxDataBytes: null,
      idempotent: true, // the server recognises the key of a message
      owner: false,
    };
  },

  // Pure: what the configuration needs, or everything that is wrong with it.
  check(text) {
    const given = JSON.parse(text);
    const problems = [];
    for (const [key, fix] of Object.entries(KEYS)) {
      if (typeof given[key] !== "string") {
        problems.push({ pointer: `/${key}`, message: `\`${key}\` is missing, or no text.`, fix });
      }
    }
    for (const key of Object.keys(given).filter((key) => !(key in KEYS))) {
      problems.push({ pointer: `/${key}`, message: `There is no key \`${key}\`.`, fix: "Take it out." });
    }
    if (typeof given.url === "string" && !/^wss?:\/\/[^/]+\//.test(given.url)) {
      problems.push({ pointer: "/url", message: "This is not the URL of a WebSocket.", fix: KEYS.url });
    }
    if (problems.length > 0) {
      throw problems;
    }
    return {
      http: [given.url],
      commands: [],
      folders: [],
      secrets: [{ name: given.token, positions: ["ws-json:/token"] }],
      signers: [],
      idempotent: true,
      owner: false,
    };
  },

  // Logs in and leaves again: nothing is sent.
  probe() {
    try {
      websocket.close(loggedIn(JSON.parse(config.get())));
      return { state: "ready", findings: [finding(true, "The server takes the token.", null)] };
    } catch (error) {
      const failure = beforeAnything(error);
      return { state: "not-ready", findings: [finding(false, failure.message, failure.fix)] };
    }
  },

  // One message, once. From `websocket.send` on it may have arrived, and whatever goes wrong is unknown.
  send(envelope, attempt) {
    const room = attemptTo(() => loggedIn(JSON.parse(config.get())), beforeAnything);
    const message = {
      type: "message",
      key: attempt.idempotencyKey,
      from: envelope.source,
      to: envelope.recipient,
      text: textOf(envelope),
    };
    attemptTo(() => websocket.send(room, { tag: "text", val: JSON.stringify(message) }), afterwards);
    const answer = attemptTo(() => heard(room, attempt.remainingMs), afterwards);
    websocket.close(room);
    if (answer?.type === "taken" && answer.key === message.key) {
      return { status: "accepted", reference: `${answer.name}`, detail: null, extra: [] };
    }
    if (answer?.type === "refused") {
      throw failed("refused", "room-refused", `The server refuses it: ${answer.why}.`, null);
    }
    throw failed("unknown", "bad-answer", "What the server answered cannot be read.", null);
  },
};

/** A connection that the server has taken the token on. */
function loggedIn({ url, token }) {
  const room = websocket.open(url, []);
  // A preparation is no effect, so a probe may do it as well. The token is a reference; byway puts the value in.
  websocket.prepare(room, JSON.stringify({ type: "login", token: secrets.reference(token) }));
  const answer = heard(room, LOGIN_MS);
  if (answer?.type !== "welcome") {
    const fix = "Look at the server's tokens.";
    throw failed("unavailable", "wrong-token", "The server does not take the token.", fix);
  }
  return room;
}

/** The next message of the server, if it is one that can be read. */
function heard(room, withinMs) {
  const { tag, val } = websocket.receive(room, withinMs);
  if (tag === "closed") {
    throw { code: "closed", message: `The server has closed the connection (${val[0]}).` };
  }
  try {
    return tag === "text" ? JSON.parse(val) : undefined;
  } catch {
    return undefined;
  }
}

function textOf({ data }) {
  if (data?.tag === "text" || data?.tag === "json") {
    return data.val;
  }
  throw failed("refused", "data-not-text", "The message has no text.", null);
}

// How it ended.

function attemptTo(work, judge) {
  try {
    return work();
  } catch (error) {
    throw judge(error);
  }
}

/** Nothing was sent: trying again can work, unless it is the same for every message. */
function beforeAnything(error) {
  const [kind, code, message] = denialOf(error);
  if (kind) {
    return error;
  }
  const isForAll = ["not-granted", "http-401", "http-403", "http-404"].includes(code);
  return failed(isForAll ? "unavailable" : "retryable", code, message, null);
}

/** It may have arrived. */
function afterwards(error) {
  const [kind, code, message] = denialOf(error);
  return kind ? error : failed("unknown", code, message, null);
}

/** What was thrown: a failure of ours, which has a kind, a denial of byway's, or a mistake in this file. */
function denialOf(error) {
  const it = error?.payload ?? error;
  return [it?.kind, it?.code ?? "adapter-mistake", it?.message ?? `${error}`];
}

function failed(kind, code, message, fix) {
  return { kind: { tag: kind }, code, message, fix, retryAfterMs: null };
}

function finding(ok, message, fix) {
  return { name: "login", ok, message, fix };
}
