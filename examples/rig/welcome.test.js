// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A test with node:test and nodemailer:
// POSTERN=/path/to/postern node --test welcome.test.js

'use strict';

const assert = require('node:assert');
const {spawn} = require('node:child_process');
const {once} = require('node:events');
const {test} = require('node:test');
const nodemailer = require('nodemailer');

// The code that is tested.
async function sendWelcome(to, host, port) {
  const transport = nodemailer.createTransport({host, port, ignoreTLS: true});
  await transport.sendMail(
      {from: 'shop@x.example', to, subject: 'Welcome', text: 'Hello'});
}

// Starts a rig that ends after the test `t`. Returns its SMTP address and URL.
async function startRig(t) {
  const rig = spawn(
      process.env.POSTERN,
      ['rig', '--smtp=127.0.0.1:0', '--http=127.0.0.1:0', '--ready-fd=3'],
      {stdio: ['ignore', 'inherit', 'inherit', 'pipe']});
  t.after(async () => {
    rig.kill();
    const [code] = await once(rig, 'exit');
    assert.strictEqual(code, 0, 'a fault was not met');
  });
  const [lines] = await once(rig.stdio[3].setEncoding('ascii'), 'data');
  return lines.split('\n');
}

test('a refused message is sent again', async (t) => {
  const [smtp, url] = await startRig(t);
  const [host, port] = smtp.split(':');
  await fetch(`${url}api/postern/v1/faults`, {
    method: 'PUT',
    body: 'rcpt for=you@y.example times=1 reply 450 4.7.1 later',
  });
  await assert.rejects(sendWelcome('you@y.example', host, port),
                       {code: 'EENVELOPE', responseCode: 450});
  await sendWelcome('you@y.example', host, port);
  const {messages} =
      await (await fetch(`${url}api/postern/v1/wait?count=1`)).json();
  assert.deepStrictEqual(messages.map((m) => m.Subject), ['Welcome']);
});
