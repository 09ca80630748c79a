//! What a model says, in the form in which OpenAI's chat completions are streamed: words, or one call of a tool.

use serde_json::{Value, json};

/// Its media type.
pub(super) const MEDIA_TYPE: &str = "text/event-stream";

/// An answer in words.
pub(super) fn says(text: &str) -> String {
    stream(&json!({ "role": "assistant", "content": text }), "stop")
}

/// An answer that calls one of the gateway's tools.
pub(super) fn calls(tool: &str, arguments: &Value) -> String {
    let call = json!({ "index": 0, "id": format!("call_{tool}"), "type": "function",
        "function": { "name": tool, "arguments": arguments.to_string() } });
    stream(
        &json!({ "role": "assistant", "content": null, "tool_calls": [call] }),
        "tool_calls",
    )
}

fn stream(delta: &Value, finish: &str) -> String {
    let chunk = |delta: &Value, finish: Value| {
        json!({ "id": "fixed", "object": "chat.completion.chunk", "created": 0, "model": "fixed",
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] })
    };
    format!(
        "data: {}\n\ndata: {}\n\ndata: [DONE]\n\n",
        chunk(delta, Value::Null),
        chunk(&json!({}), finish.into())
    )
}
