// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// As send.py, with nodemailer: nodemailer.js DIRECTORY-OF-NODEMAILER

'use strict';

const fs = require('node:fs');
const path = require('node:path');
const nodemailer = require(path.resolve(process.argv[2]));

const MESSAGE = 'Subject: hi\n\n' + ('x'.repeat(70) + '\n').repeat(1500);

async function send(port, mode, seconds, caFile) {
  const transport = nodemailer.createTransport({
    // Not localhost: nodemailer asks the name server of the host for that.
    host: '127.0.0.1',
    port,
    name: 'c.example',
    secure: false,
    ignoreTLS: mode !== 'tls',
    requireTLS: mode === 'tls',
    tls: mode === 'tls' ?
        {ca: fs.readFileSync(caFile), servername: 'localhost'} :
        undefined,
    auth: mode === 'auth' ? {user: 'alice', pass: 'secret'} : undefined,
    connectionTimeout: seconds * 1000,
    greetingTimeout: seconds * 1000,
    socketTimeout: seconds * 1000,
  });
  try {
    await transport.sendMail({
      envelope: {from: 'a@x.example', to: 'b@y.example'},
      raw: MESSAGE,
    });
    return 'sent';
  } catch (error) {
    return [error.code || error.name, error.responseCode].filter(Boolean).join(' ');
  } finally {
    transport.close();
  }
}

for (const line of fs.readFileSync(0, 'utf8').trim().split('\n')) {
  const [port, mode, seconds, caFile] = line.split(' ');
  send(Number(port), mode, Number(seconds), caFile)
      .then((outcome) => console.log(port, outcome));
}
