// Reads CloudEvents with their SDK, and answers each with one of its own making, sent in the same mode to byway's inbound door.
//
// 200: the event is valid, says what was sent, and the answer was taken in. 400: anything else, with the reason.
'use strict';
const http = require('http');
const { CloudEvent, HTTP } = require('cloudevents');

function judge(mode, event) {
  event.validate();
  const text = typeof event.data === 'string' ? event.data : event.data.text;
  const found = {
    specversion: event.specversion,
    source: event.source,
    type: event.type,
    recipient: event.recipient,
    text,
    isSigned: typeof event.bywaysig === 'string',
    isRecent: Math.abs(Date.now() - Date.parse(event.time)) < 600_000,
  };
  const expected = {
    specversion: '1.0',
    source: 'byway://a/planner',
    type: 'dev.byway.message',
    recipient: 'executor@javascript',
    text: 'Grüße & 100 % "green" 😀',
    isSigned: true,
    isRecent: true,
  };
  if (JSON.stringify(found) !== JSON.stringify(expected)) throw new Error(JSON.stringify(found));
  return new CloudEvent({
    id: `javascript-${mode}`,
    source: 'https://sdk.example.org/javascript',
    type: 'org.example.answer',
    // Without a per cent sign here or in the source: this SDK does not encode what it puts into headers.
    subject: 'answers: "green"',
    recipient: 'planner@a',
    causationid: event.id,
    hops: 1,
    data: { text: `${mode}: ${text}` },
  });
}

async function answer(mode, request, body) {
  const event = HTTP.toEvent({ headers: request.headers, body });
  const made = judge(mode, event);
  const message = mode === 'binary' ? HTTP.binary(made) : HTTP.structured(made);
  const taken = await fetch(request.headers['x-answer-to'], {
    method: 'POST',
    headers: { ...message.headers, authorization: 'Bearer sdk-token-1f6a' },
    body: message.body,
  });
  if (taken.status !== 202) throw new Error(`${taken.status} ${await taken.text()}`);
}

http
  .createServer((request, response) => {
    const pieces = [];
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', async () => {
      try {
        await answer(request.url.slice(1), request, Buffer.concat(pieces).toString());
        response.end();
      } catch (error) {
        console.error(error);
        response.statusCode = 400;
        response.end(`${error}`);
      }
    });
  })
  .listen(Number(process.env.PORT), '127.0.0.1');
