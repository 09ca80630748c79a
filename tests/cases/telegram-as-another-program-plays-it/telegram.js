// Telegram as the package telegram-test-api plays it, and Anna, who answers what the bot writes to her.
//
// A text in one part she answers at once. Of a longer one she waits for the last part, looks whether Telegram would
// have taken each, puts the words together and says what she has got.
'use strict';
const TelegramServer = require('telegram-test-api');

const TOKEN = '4242:AAb-telegram-token_90c1';
const BOT = 666; // what getMe of the package says
const telegram = new TelegramServer({ host: '127.0.0.1', port: Number(process.env.PORT) });

function words(text) {
  return text.slice(text.indexOf('\n\n') + 2, text.lastIndexOf('\n\n'));
}

function part(text) {
  const found = /^Part (\d+) of (\d+)$/m.exec(text);
  return found ? { number: Number(found[1]), count: Number(found[2]) } : { number: 1, count: 1 };
}

async function answer() {
  const sent = telegram.storage.botMessages.map((it) => ({ id: it.messageId, ...it.message }));
  const last = sent[sent.length - 1];
  const { number, count } = part(last.text);
  if (number < count) return;
  const texts = sent.slice(sent.length - count).map((it) => it.text);
  const whole = texts.map(words).join(' ').split(/\s+/).length;
  const fits = texts.every((text) => text.length >= 1 && text.length <= 4096);
  const anna = telegram.getClient(TOKEN, { userId: 777, chatId: 777, firstName: 'Anna' });
  await anna.sendMessage(anna.makeMessage(`Got ${count} part(s), ${whole} words, each taken: ${fits}.`, {
    date: 1795244400,
    reply_to_message: {
      message_id: last.id,
      date: 1795244400,
      from: { id: BOT, is_bot: true, first_name: 'byway' },
      chat: { id: 777, type: 'private' },
      text: last.text,
    },
  }));
}

telegram.on('AddedBotMessage', () => answer().catch((error) => console.error(error)));
telegram.start();
