// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// As many.py, with nodemailer, some messages over each connection:
//
//   many.js DIRECTORY-OF-NODEMAILER PORT COUNT TIMEOUT

'use strict';

const path = require('node:path');
const [directory, port, count, timeout] = process.argv.slice(2);
const nodemailer = require(path.resolve(directory));

const transport = nodemailer.createTransport({
  host: '127.0.0.1',
  port: Number(port),
  name: 'c',
  pool: true,
  maxConnections: 8,
  tls: {rejectUnauthorized: false},
  connectionTimeout: timeout * 1000,
  greetingTimeout: timeout * 1000,
  socketTimeout: timeout * 1000,
});

async function outcome(subject) {
  try {
    await transport.sendMail({
      envelope: {from: 'a@x', to: ['b@y', 'c@y']},
      raw: `Subject: ${subject}\r\n\r\nhi\r\n`,
    });
    return 'accepted';
  } catch (error) {
    return error.responseCode >= 400 ? 'refused' : 'unknown';
  }
}

const subjects = Array.from({length: Number(count)}, (_, n) => `nodemailer-${n}`);
Promise.all(subjects.map(async (subject) => {
  console.log(subject, await outcome(subject));
})).then(() => transport.close());
