// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// node --require ./no_dns.js PROGRAM: ends a program that asks a name server.

'use strict';

require('node:dns').Resolver = class {
  constructor() {
    console.error('The program asks a name server.');
    process.exit(1);
  }
};
