// Verifies what it gets with the package standardwebhooks, and answers what it found.
//
// 200: the request verifies, and does not once it is altered. 401: it does not verify. 400: it verifies although it was altered.
'use strict';
const http = require('http');
const { Webhook } = require('standardwebhooks');

const KEY = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const verifier = new Webhook(KEY);

function verifies(body, headers) {
  try {
    verifier.verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

function judge(body, headers) {
  if (!verifies(body, headers)) return 401;
  const now = Number(headers['webhook-timestamp']);
  const old = new Date((now - 3600) * 1000);
  const altered = [
    verifies(body.replace('green', 'red'), headers),
    verifies(`${body} `, headers),
    verifies(body, { ...headers, 'webhook-id': 'another' }),
    verifies(body, { ...headers, 'webhook-timestamp': `${now - 1}` }),
    // Signed with the right key, an hour ago.
    verifies(body, {
      ...headers,
      'webhook-timestamp': `${now - 3600}`,
      'webhook-signature': verifier.sign(headers['webhook-id'], old, body),
    }),
  ];
  return altered.includes(true) || !body.includes('green') ? 400 : 200;
}

http
  .createServer((request, response) => {
    const pieces = [];
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', () => {
      response.statusCode = judge(Buffer.concat(pieces).toString(), request.headers);
      response.end();
    });
  })
  .listen(Number(process.env.PORT), '127.0.0.1');
