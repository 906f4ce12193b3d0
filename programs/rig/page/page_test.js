// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The page of postern rig in Chromium, with an SMTP client that sends:
// node page_test.js NODE_MODULES POSTERN CHROMIUM

'use strict';

const assert = require('node:assert/strict');
const {spawn} = require('node:child_process');
const {EventEmitter, once} = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const {after, before, test} = require('node:test');

const [nodeModules, postern, chromiumPath] = process.argv.slice(2);
const {chromium} = require(path.join(nodeModules, 'playwright-core'));
const nodemailer = require(path.join(nodeModules, 'nodemailer'));

const TIMEOUT = 20000;  // milliseconds, of each step
// Not TEST_TMPDIR: the path of Chromium's socket would be too long.
const scratch = fs.mkdtempSync('/tmp/page-test-');
const netLog = path.join(scratch, 'net-log.json');

// --- The rig ---

const rigs = [];

async function startRig(smtpAddress = '127.0.0.1:0') {
  const child = spawn(
      postern,
      ['rig', '--smtp', smtpAddress, '--http', '127.0.0.1:0', '--ready-fd',
       '3'],
      {stdio: ['ignore', 'inherit', 'inherit', 'pipe']});
  const end = once(child, 'exit');
  let text = '';
  for await (const chunk of child.stdio[3]) {
    text += chunk;
    if (text.split('\n').length > 2) break;
  }
  const [smtp, url] = text.split('\n');
  const started = {
    smtp: Number(smtp.split(':').pop()),
    url,
    mailer: nodemailer.createTransport({
      host: '127.0.0.1',
      port: Number(smtp.split(':').pop()),
      ignoreTLS: true,
    }),
    async api(path, options) {
      const response = await fetch(new URL(path, this.url), options);
      assert.ok(response.ok, `${path}: ${response.status}`);
      return response;
    },
    clear() {
      return this.api('/api/v1/messages', {method: 'DELETE', body: '{}'});
    },
    // Returns the exit code, or the signal that ended the rig.
    async stop() {
      child.kill('SIGTERM');
      const [code, signal] = await end;
      return code ?? signal;
    },
  };
  rigs.push(started);
  assert.match(url, /^http:/, 'the addresses of the rig');
  return started;
}

// Forwards connections to the HTTP port `relay.port`, and closes them if that
// is null. Its own port stays the same while one rig follows another.
async function startRelay() {
  const relay = {port: null};
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    if (relay.port === null) {
      socket.destroy();
      return;
    }
    const other = net.connect(relay.port, '127.0.0.1');
    other.on('error', () => {});
    other.on('close', () => socket.destroy());
    socket.on('close', () => other.destroy());
    socket.pipe(other).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  relay.url = `http://127.0.0.1:${server.address().port}/`;
  relay.close = () => server.close();
  return relay;
}

// --- A server that nothing may reach ---

// Counts connections, so also one without a request.
async function startTrap() {
  const trap = {connections: 0, requests: [], events: new EventEmitter()};
  const server = net.createServer((socket) => {
    ++trap.connections;
    socket.on('error', () => {});
    socket.on('data', (data) => {
      trap.requests.push(String(data).split('\r\n')[0]);
      trap.events.emit('request');
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  trap.url = `http://127.0.0.1:${server.address().port}`;
  trap.close = () => server.close();
  return trap;
}

// --- The browser ---

let browser, rig, trap;

// Opens the page in a profile of its own. What goes wrong in it fails the test.
async function open(hash = '', options = {}, at = rig) {
  const context = await browser.newContext(
      {viewport: {width: 1280, height: 800}, ...options});
  const page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT);
  page.dialogs = [];
  page.errors = [];
  page.on('dialog', (dialog) => {
    page.dialogs.push(dialog.message());
    dialog.dismiss();
  });
  page.on('pageerror', (error) => page.errors.push(error.message));
  await page.goto(at.url + hash);
  await page.locator('#live', {hasText: 'Live'}).waitFor();
  page.done = async () => {
    assert.deepEqual(page.errors, []);
    await context.close();
  };
  return page;
}

const row = (page, text) =>
    page.locator('#messages [role=option]', {hasText: text});
const focused = (page) => page.evaluate(() => {
  const {activeElement} = document;
  return activeElement.id || activeElement.className || activeElement.tagName;
});
// Waits until `condition`, a function in the page, is true.
const until = (page, condition, argument) =>
    page.waitForFunction(condition, argument, {timeout: TIMEOUT});

async function sendPlain(subject, more = {}) {
  return rig.mailer.sendMail({
    from: 'Ann Example <ann@x.example>',
    to: 'you@y.example',
    subject,
    text: `The text of ${subject}.`,
    ...more,
  });
}

before(async () => {
  rig = await startRig();
  trap = await startTrap();
  browser = await chromium.launch({
    executablePath: chromiumPath,
    headless: true,
    timeout: 60000,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update',
      '--disable-sync', '--disable-dev-shm-usage', `--log-net-log=${netLog}`,
    ],
    env: {...process.env, TMPDIR: scratch, HOME: scratch},
  });
});

// The last test ends the browser and the rigs, because Node.js 18 calls this
// only when nothing is left that keeps the program running.
after(() => fs.rmSync(scratch, {recursive: true, force: true}));

// --- What a user does ---

test('A message appears on the page that is open', async () => {
  await rig.clear();
  const page = await open();
  await page.getByText('No messages yet').waitFor();
  const port = String(rig.smtp);
  await page.locator('#messages-empty code', {hasText: port}).waitFor();
  await page.evaluate(() => window.notLoadedAgain = true);
  await sendPlain('First');
  await row(page, 'First').waitFor();
  assert.match(await row(page, 'First').innerText(), /Ann Example[^]*you@y/);
  await sendPlain('Second');
  await row(page, 'Second').waitFor();
  // The newest is the first one.
  assert.match(
      await page.locator('#messages [role=option]').first().innerText(),
      /Second/);
  await until(
      page,
      () => document.getElementById('announcement').textContent ===
          'New message: Second');
  assert.equal(await page.title(), '(2) postern rig');
  assert.equal(await page.evaluate(() => window.notLoadedAgain), true);
  await page.done();
});

test('The keyboard reads, searches and deletes', async () => {
  await rig.clear();
  for (const name of ['Apple', 'Banana', 'Cherry']) await sendPlain(name);
  const page = await open();
  await row(page, 'Cherry').waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  const active = () => page.evaluate(
      () => document
                .getElementById(document.getElementById('messages').getAttribute(
                    'aria-activedescendant'))
                .querySelector('.subject')
                .textContent);
  assert.equal(await active(), 'Banana');
  await page.keyboard.press('Enter');
  await page.locator('#detail h2', {hasText: 'Banana'}).waitFor();
  await until(page, () => document.activeElement.id === 'detail-title');
  // The next one, without the list.
  await page.keyboard.press('j');
  await page.locator('#detail h2', {hasText: 'Apple'}).waitFor();
  await page.keyboard.press('k');
  await page.locator('#detail h2', {hasText: 'Banana'}).waitFor();
  // The arrow keys choose a tab.
  await page.locator('#tab-text').focus();
  await page.keyboard.press('ArrowRight');
  assert.equal(await focused(page), 'tab-headers');
  await page.locator('td', {hasText: 'Banana'}).waitFor();
  await page.keyboard.press('Escape');
  await until(page, () => document.activeElement.id === 'messages');
  assert.equal(new URL(page.url()).hash, '#/messages');

  await page.keyboard.press('/');
  await until(page, () => document.activeElement.id === 'search');
  await page.keyboard.type('subject:cherry');
  await page.locator('#found', {hasText: '1 message found'}).waitFor();
  assert.equal(await page.locator('#messages [role=option]').count(), 1);
  await page.keyboard.press('Escape');
  await row(page, 'Apple').waitFor();

  await page.keyboard.press('?');
  await page.getByRole('dialog', {name: 'Keyboard and search'}).waitFor();
  await page.keyboard.press('j');  // belongs to the dialog
  await page.keyboard.press('Escape');
  await page.locator('#help').waitFor({state: 'hidden'});

  await page.locator('#messages').focus();
  await page.keyboard.press('Home');
  assert.equal(await active(), 'Cherry');
  await page.keyboard.press('#');
  await row(page, 'Cherry').waitFor({state: 'detached'});
  await until(
      page,
      () => document.querySelector('#messages [aria-selected=true] .subject')
                ?.textContent === 'Banana');
  await page.keyboard.press('Delete');
  await row(page, 'Banana').waitFor({state: 'detached'});
  const left = await (await rig.api('/api/v1/messages')).json();
  assert.deepEqual(left.messages.map((message) => message.Subject), ['Apple']);

  // Without keys of one character (WCAG 2.1.4), the others remain.
  await page.keyboard.press('?');
  await page.getByLabel('Keys that are one character').uncheck();
  await page.keyboard.press('Escape');
  await page.locator('#messages').focus();
  await page.keyboard.press('#');
  await page.keyboard.press('f');
  await page.keyboard.press('Enter');
  await page.locator('#detail h2', {hasText: 'Apple'}).waitFor();
  await page.done();
});

test('A message that is deleted is followed by the next one', async () => {
  await rig.clear();
  for (const name of ['One', 'Two', 'Three']) await sendPlain(name);
  const page = await open();
  await row(page, 'Three').click();
  await page.locator('#detail h2', {hasText: 'Three'}).waitFor();
  await page.getByRole('button', {name: 'Delete this message'}).click();
  await page.locator('#detail h2', {hasText: 'Two'}).waitFor();
  // All of them, only after a question.
  await page.getByRole('button', {name: 'Delete all'}).click();
  await page.getByRole('button', {name: 'Keep'}).click();
  assert.equal(await page.locator('#messages [role=option]').count(), 2);
  await page.getByRole('button', {name: 'Delete all'}).click();
  await page.getByRole('button', {name: 'Delete', exact: true}).click();
  await page.getByText('No messages yet').waitFor();
  await page.done();
});

test('Each part of a message has a tab', async () => {
  await rig.clear();
  const picture = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhg' +
          'GAWjR9awAAAABJRU5ErkJggg==',
      'base64');
  await sendPlain('Parts', {
    cc: 'copy@y.example',
    bcc: 'blind@y.example',
    html: '<p id="p">Hello <img id="i" src="cid:logo@x">' +
        '<a href="https://shop.example/track">Track</a>' +
        '<img src="https://cdn.example/a.png">',
    headers: {'X-One': 'first', 'A-Two': 'second'},
    attachments: [
      {filename: 'notes.txt', content: 'notes'},
      {filename: 'logo.png', content: picture, cid: 'logo@x'},
    ],
  });
  const page = await open();
  await row(page, 'Parts').click();
  const frame = page.frameLocator('iframe');
  await frame.locator('#p', {hasText: 'Hello'}).waitFor();
  // An image of the message is loaded, from the message.
  await until(page, () => document.querySelector('iframe') !== null);
  const width = await (await frame.locator('#i').elementHandle())
                    .evaluate((image) => image.naturalWidth);
  assert.equal(width, 1);
  assert.match(
      await page.locator('.facts').innerText(), /blind@y\.example/,
      'the envelope shows the recipient that no field names');
  await page.getByRole('tab', {name: 'Text'}).click();
  await page.getByText('The text of Parts.').last().waitFor();
  await page.getByRole('tab', {name: 'Links'}).click();
  await page.getByRole('link', {name: 'https://shop.example/track'}).waitFor();
  await page.getByText('https://cdn.example/a.png').waitFor();
  await page.getByRole('tab', {name: 'Attachments'}).click();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', {name: 'Download notes.txt'}).click(),
  ]);
  assert.equal(download.suggestedFilename(), 'notes.txt');
  assert.equal(fs.readFileSync(await download.path(), 'utf8'), 'notes');
  await page.getByRole('tab', {name: 'Headers'}).click();
  const names = await page.locator('th').allInnerTexts();
  assert.ok(
      names.indexOf('X-One') < names.indexOf('A-Two'),
      'the fields have the order of the message');
  await page.getByRole('tab', {name: 'Source'}).click();
  await page.locator('pre', {hasText: 'A-Two: second'}).waitFor();
  await page.getByRole('tab', {name: 'Transcript'}).click();
  const line = page.locator('.transcript li', {hasText: 'RCPT TO:<blind@'});
  await line.waitFor();
  assert.match(await line.locator('time').innerText(), /^\d+\.\d{3}$/);
  assert.match(await line.innerText(), /Client:/);
  // The tab stays with the next message.
  await sendPlain('Other');
  await row(page, 'Other').click();
  await page.locator('#detail h2', {hasText: 'Other'}).waitFor();
  await page.locator('#tab-transcript[aria-selected=true]').waitFor();
  await page.done();
});

test('A fault of the page meets a client', async () => {
  await rig.clear();
  const page = await open('#/faults');
  await page.getByLabel('Where').selectOption('rcpt');
  await page.getByLabel('Recipient').fill('*@y.example');
  await page.getByLabel('What').selectOption({label: 'refuse for now'});
  await page.getByLabel('Times').fill('1');
  assert.equal(
      await page.getByLabel('Line').inputValue(),
      'rcpt for=*@y.example times=1 reply 451 4.3.0 try again later');
  await page.getByRole('button', {name: 'Add fault'}).click();
  const item = page.locator('#faults li');
  await item.locator('span', {hasText: 'applied 0 of 1 time'}).waitFor();

  await assert.rejects(sendPlain('Refused'), /451 4\.3\.0 try again later/);
  await item.locator('span', {hasText: 'applied 1 of 1 time'}).waitFor();
  await sendPlain('Accepted');

  // Off, and on again.
  await page.getByLabel('Line').fill('mail reply 550 5.7.1 no');
  await page.getByRole('button', {name: 'Add fault'}).click();
  const fault = page.getByRole('switch', {name: 'mail reply 550 5.7.1 no'});
  await fault.waitFor();
  assert.equal(await fault.getAttribute('aria-checked'), 'true');
  await assert.rejects(sendPlain('Refused'), /550 5\.7\.1 no/);
  await fault.focus();
  await page.keyboard.press('Space');
  await page.locator('[role=switch][aria-checked=false]').waitFor();
  await until(
      page, () => document.activeElement.getAttribute('role') === 'switch');
  await sendPlain('Accepted again');
  await fault.click();
  await page.locator('#faults [role=switch]:not([aria-checked=true])')
      .waitFor({state: 'detached'});
  await assert.rejects(sendPlain('Refused'), /550 5\.7\.1 no/);

  // A line that cannot be read says why.
  await page.getByLabel('Line').fill('nowhere reply 550');
  await page.getByRole('button', {name: 'Add fault'}).click();
  await page.getByRole('alert').filter({hasText: 'nowhere'}).waitFor();
  assert.equal(
      await page.getByLabel('Line').getAttribute('aria-invalid'), 'true');

  for (const left of [1, 0]) {
    await page.getByRole('button', {name: /^Delete the fault/}).last().click();
    await until(
        page, (n) => document.querySelectorAll('#faults li').length === n,
        left);
  }
  await sendPlain('Accepted at last');

  // The session that was refused has no message, but a transcript.
  await page.getByRole('link', {name: 'Sessions'}).click();
  await page.locator('#sessions [role=option]').nth(3).waitFor();
  await page.locator('#sessions').focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.locator('.transcript .rejection', {hasText: '550 5.7.1 no'})
      .waitFor();
  await page.done();
});

test('The page says when the rig ends, and continues with the next', async () => {
  const first = await startRig();
  const relay = await startRelay();
  relay.port = Number(new URL(first.url).port);
  const page = await open('', {}, relay);
  relay.port = null;
  assert.equal(await first.stop(), 0);
  await page.locator('#live', {hasText: 'No connection'}).waitFor();
  const second = await startRig();
  relay.port = Number(new URL(second.url).port);
  await page.locator('#live', {hasText: 'Live'}).waitFor();
  await second.mailer.sendMail(
      {from: 'a@x.example', to: 'b@y.example', subject: 'After', text: 'x'});
  await row(page, 'After').waitFor();
  await page.done();
  relay.close();
});

test('A message of the API has no session', async () => {
  await rig.clear();
  await rig.api('/api/v1/send', {
    method: 'POST',
    headers: {'Content-Type': 'application/json'},
    body: JSON.stringify({
      From: {Email: 'a@x.example'},
      To: [{Email: 'b@y.example'}],
      Subject: 'Composed',
      Text: 'x',
    }),
  });
  const page = await open();
  await row(page, 'Composed').click();
  await page.locator('#detail h2', {hasText: 'Composed'}).waitFor();
  assert.equal(await page.getByRole('tab', {name: 'Source'}).count(), 1);
  assert.equal(await page.getByRole('tab', {name: 'Transcript'}).count(), 0);
  assert.doesNotMatch(await page.locator('.facts').innerText(), /session/);
  await page.done();
});

test('A client without an address uses a Unix socket', async () => {
  const socket = path.join(scratch, 'smtp');
  const local = await startRig('unix:' + socket);
  const client = net.connect(socket);
  await once(client, 'data');  // the greeting
  const page = await open('#/sessions', {}, local);
  const session = page.locator('#sessions [role=option]');
  await session.filter({hasText: '1. a Unix socket'}).click();
  await page.locator('.facts dd', {hasText: /^a Unix socket$/}).waitFor();
  client.destroy();
  await page.done();
});

test('An address whose encoding is invalid shows an error', async () => {
  const page = await open('#/messages/%');
  await page.getByText('It cannot be shown').waitFor();
  await page.done();
});

test('A session alone does not read the faults', async () => {
  await rig.clear();
  const page = await open();
  await page.locator('#session-count', {hasText: /\d/}).waitFor();
  // What the page reads at its start is over.
  await page.evaluate(() => fetch('/api/v1/messages'));
  await page.waitForLoadState('load');
  const requested = [];
  page.on('request', (request) => requested.push(new URL(request.url()).pathname));
  const sessions = await page.locator('#session-count').innerText();
  await sendPlain('Quiet');
  await until(
      page,
      (text) => document.getElementById('session-count').textContent !== text,
      sessions);
  assert.ok(requested.includes('/api/postern/v1/sessions'), requested);
  assert.ok(!requested.includes('/api/postern/v1/faults'), requested);
  await page.done();
});

// --- Hostile messages ---

const EVIL = `
  window.top.evil = 1; parent.postMessage('evil', '*');
  alert('evil'); document.title = 'evil'; fetch('TRAP/script');
`;
const HOSTILE_HTML = `<!DOCTYPE html><html><head>
<base href="TRAP/base/" target="_top">
<meta http-equiv="refresh" content="0;url=TRAP/refresh">
<meta http-equiv="x-dns-prefetch-control" content="on">
<link rel="preconnect" href="TRAP">
<link rel="dns-prefetch" href="//prefetch.invalid/">
<link rel="preload" as="image" href="TRAP/preload">
<link rel="prefetch" href="TRAP/prefetch">
<link rel="modulepreload" href="TRAP/module.js">
<link rel="stylesheet" href="TRAP/style.css">
<link rel="icon" href="TRAP/icon">
<link rel="manifest" href="TRAP/manifest">
<style>@import url(TRAP/import.css); @font-face{font-family:f;src:url(TRAP/font)}
  body{font-family:f;background:url(TRAP/background);cursor:url(TRAP/cursor),auto}
  p::after{content:url(TRAP/content)}</style>
<script>${EVIL}</script><script src="TRAP/script.js"></script>
<script type="module">${EVIL}</script>
<script type="speculationrules">{"prefetch":[{"urls":["TRAP/speculation"]}]}</script>
</head><body background="TRAP/body" onload="${EVIL}">
<p id="seen">Hostile</p>
<img src="TRAP/image" srcset="TRAP/srcset 1x" onerror="${EVIL}">
<img src="relative/image" onerror="${EVIL}"><img src="/api/v1/messages">
<picture><source srcset="TRAP/source"><img src="TRAP/picture"></picture>
<input type="image" src="TRAP/input" autofocus onfocus="${EVIL}">
<svg onload="${EVIL}"><script>${EVIL}</script><image href="TRAP/svg"/>
  <use href="TRAP/use#x"/><animate onbegin="${EVIL}" attributeName="x"/>
  <foreignObject><iframe src="TRAP/foreign"></iframe></foreignObject>
  <style>@import "TRAP/svg.css";</style></svg>
<math href="javascript:${EVIL}"><mi xlink:href="TRAP/math">x</mi></math>
<iframe src="TRAP/iframe"></iframe><iframe srcdoc="<script>${EVIL}</script>">
</iframe><iframe src="javascript:${EVIL}"></iframe>
<iframe src="data:text/html,<script>${EVIL}</script>"></iframe>
<object data="TRAP/object"></object><embed src="TRAP/embed">
<video src="TRAP/video" poster="TRAP/poster" autoplay></video>
<audio src="TRAP/audio" autoplay></audio><track src="TRAP/track">
<table background="TRAP/table"><tr><td style="background:url(TRAP/td)">x</table>
<details open ontoggle="${EVIL}"><summary>x</summary></details>
<form action="TRAP/form" id="form"><input name="a" value="b">
  <button id="submit">send</button></form>
<form action="javascript:${EVIL}"><button id="script-form">send</button></form>
<a id="script" href="javascript:${EVIL}">script</a>
<a id="plain" target="_self" href="TRAP/plain" ping="TRAP/ping">link</a>
<a id="top" target="_top" href="TRAP/top">top</a>
<a id="blank" target="_blank" href="TRAP/blank">window</a>
<a id="default" href="TRAP/default">default</a>
<a id="page" target="_self" href="RIG">the page itself</a>
<a id="download" download href="TRAP/download">download</a>
<a href="http://anchor.invalid/">name</a>
</body></html>`;

const hostileHtml = () =>
    HOSTILE_HTML.replaceAll('TRAP', trap.url).replaceAll('RIG', rig.url);

// Asserts that nothing of a hostile message has happened in the page.
async function unharmed(page, hash) {
  assert.deepEqual(page.dialogs, []);
  assert.deepEqual(page.errors, []);
  assert.equal(await page.evaluate(() => window.evil), undefined);
  assert.equal(await page.evaluate(() => window.messages), 0);
  assert.doesNotMatch(await page.title(), /evil/);
  assert.equal(page.url(), rig.url + hash);
  assert.equal(page.context().pages().length, 1);
  assert.deepEqual(trap.requests, []);
  assert.equal(trap.connections, 0);
}

// Lets an ordinary page request something of the trap, and waits for it. What
// the browser has begun before is there then, too.
async function springTrap() {
  const context = await browser.newContext();
  const page = await context.newPage();
  const sprung = once(trap.events, 'request', {
    signal: AbortSignal.timeout(TIMEOUT)});
  await page.setContent(`<img src="${trap.url}/seen">`);
  await sprung;
  await context.close();
}

test('The trap catches what an ordinary page loads', async () => {
  await springTrap();
  assert.match(trap.requests[0], /^GET \/seen /);
  assert.ok(trap.connections > 0);
  trap.requests.length = 0;
  trap.connections = 0;
});

test('Hostile HTML runs nothing and loads nothing', async () => {
  await rig.clear();
  await sendPlain('Hostile HTML', {html: hostileHtml()});
  const {messages} = await (await rig.api('/api/v1/messages')).json();
  const id = messages[0].ID;
  const hash = `#/messages/${id}`;
  const page = await open();
  await page.evaluate(() => {
    window.messages = 0;
    window.addEventListener('message', () => ++window.messages);
  });
  await row(page, 'Hostile').click();
  const frame = page.frameLocator('iframe');
  await frame.locator('#seen').waitFor();
  const loaded = () => page.evaluate(
      () => performance.getEntriesByType('resource').length);
  assert.ok(await loaded() > 0);
  await unharmed(page, hash);
  const element = await page.locator('iframe').elementHandle();
  assert.equal(await element.getAttribute('sandbox'), '');
  const view = `${rig.url}view/${id}.html`;
  for (const target of [
           'script', 'submit', 'script-form', 'top', 'blank', 'default',
           'download', 'plain', 'page']) {
    // Each click has the message as it was.
    await page.getByRole('tab', {name: 'Source'}).click();
    await page.getByRole('tab', {name: 'HTML'}).click();
    await frame.locator('#seen').waitFor();
    await frame.locator('#' + target).click({noWaitAfter: true});
    // What a click has begun is over when a later request of the page is.
    await page.evaluate(() => fetch('/api/v1/messages'));
    await page.screenshot();
    await unharmed(page, hash);
    assert.equal(
        page.frames().find((f) => f !== page.mainFrame()).url(), view, target);
  }
  // The tab of its links loads nothing, and runs no javascript: link.
  await page.getByRole('tab', {name: 'Links'}).click();
  await page.locator('#panel li').first().waitFor();
  assert.equal(await page.locator('#panel a[href^="javascript:" i]').count(), 0);
  await unharmed(page, hash);

  // The same in a window of its own.
  await page.goto(view);
  await page.locator('#seen').waitFor();
  await page.screenshot();
  assert.equal(page.url(), view);
  assert.deepEqual(page.dialogs, []);
  assert.equal(trap.connections, 0);
  await springTrap();
  assert.equal(trap.requests.length, 1, String(trap.requests));
  assert.match(trap.requests[0], /^GET \/seen /);
  trap.requests.length = 0;
  trap.connections = 0;
  await page.done();
});

test('Hostile names and parts stay text', async () => {
  await rig.clear();
  const script = '<img src=x onerror=alert(1)>';
  const rlo = '\u202e';
  const encoded = (text) =>
      `=?utf-8?B?${Buffer.from(text).toString('base64')}?=`;
  await rig.mailer.sendMail({
    envelope: {from: 'a@x.example', to: ['you@y.example']},
    raw: [
      `From: "${script}" <a@x.example>`,
      `To: ${encoded(rlo + 'elpmaxe.y@uoy')} <you@y.example>`,
      `Subject: ${encoded(`</script>${script} ${rlo}gpj.exe`)}`,
      'X-<svg/onload=alert(1)>: value',
      `X-Value: ${script}`,
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      'Content-Type: text/plain',
      '',
      script,
      '--b',
      'Content-Type: text/html',
      'Content-Disposition: attachment;',
      ` filename*=utf-8''${encodeURIComponent(`">${script}.html`)}`,
      '',
      `<script>fetch('${trap.url}/attachment')</script>`,
      '--b',
      'Content-Type: image/svg+xml',
      'Content-Disposition: attachment;',
      ` filename*=utf-8''invoice${encodeURIComponent(rlo)}fdp.svg`,
      '',
      '<svg xmlns="http://www.w3.org/2000/svg">' +
          `<script>fetch('${trap.url}/svg')</script>` +
          `<image href="${trap.url}/svg-image"/></svg>`,
      '--b',
      'Content-Type: text/javascript',
      'Content-Disposition: attachment; filename="../../../x.js"',
      '',
      `fetch('${trap.url}/js')`,
      '--b--',
      '',
    ].join('\r\n'),
  });
  const page = await open();
  await page.evaluate(() => {
    window.messages = 0;
    window.addEventListener('message', () => ++window.messages);
  });
  await row(page, 'gpj.exe').click();
  const title = page.locator('#detail h2');
  await title.waitFor();
  assert.equal(
      await title.innerText(), `</script>${script} U+202Egpj.exe`,
      'what changes the direction of text is shown');
  const id = new URL(page.url()).hash.split('/').pop();
  const hash = `#/messages/${id}`;
  for (const name of ['Text', 'Headers', 'Source', 'Transcript']) {
    await page.getByRole('tab', {name}).click();
    await page.locator('#panel', {hasText: 'onerror'}).waitFor();
  }
  await page.getByRole('tab', {name: 'Headers'}).click();
  await page.locator('th', {hasText: 'X-<svg/onload=alert(1)>'}).waitFor();
  await page.getByRole('tab', {name: 'Attachments'}).click();
  await page.locator('#panel', {hasText: `">${script}.html`}).waitFor();
  await page.locator('#panel', {hasText: 'invoiceU+202Efdp.svg'}).waitFor();
  assert.equal(await page.locator('#panel img').count(), 0, 'no SVG is drawn');
  await unharmed(page, hash);

  // The parts, each opened by its address, have no rights.
  const message = await (await rig.api(`/api/v1/message/${id}`)).json();
  assert.equal(message.Attachments.length, 3);
  for (const part of message.Attachments) {
    const url = `${rig.url}api/v1/message/${id}/part/${part.PartID}`;
    const response = await rig.api(url);
    assert.match(response.headers.get('content-security-policy'), /sandbox/);
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
    await page.goto(url).catch((error) => {
      assert.match(error.message, /Download is starting|ERR_ABORTED/);
    });
    assert.deepEqual(trap.requests, []);
  }
  assert.deepEqual(page.dialogs, []);
  await page.done();
});

// Each step would take longer than its limit if its time were quadratic.
test('Hostile text of many characters is shown', async () => {
  await rig.clear();
  await sendPlain('Blanks', {
    html: `<p id="p">x<style>url(${' '.repeat(200000)}</style>` +
        '<style>p { background: url( " //cdn.example/a.png") }</style>',
  });
  const run = '\u0001\u202e'.repeat(1000);
  const line = '\u0001a'.repeat(70) + '\n';
  await sendPlain(
      'Unseen', {text: `begin ${run}\n${line.repeat(1000)}end`});
  const page = await open();
  await row(page, 'Blanks').click();
  await page.locator('#detail h2', {hasText: 'Blanks'}).waitFor();
  await row(page, 'Unseen').click();
  await page.locator('#detail h2', {hasText: 'Unseen'}).waitFor();
  await page.locator('#panel pre').waitFor();
  // The characters of a run are in one element.
  assert.equal(await page.locator('#panel .code-point').count(), 1000);
  assert.match(
      await page.locator('#panel .code-point').first().textContent(),
      /^U\+0001 U\+202E U\+0001/);
  assert.match(
      await page.locator('#panel pre').textContent(),
      /\n((U\+0001a){70}\n){1000}end\n?$/);
  await page.done();
});

test('Remote content of styles is listed', async () => {
  await rig.clear();
  await sendPlain('Styles', {
    html: '<p>x<style>@import "//a.invalid/1"; @import url( //a.invalid/2);' +
        'p { background: url( " https://a.invalid/3" ) }</style>' +
        '<p style="background: url(\'http://a.invalid/4\')">',
  });
  const page = await open();
  await row(page, 'Styles').click();
  await page.getByRole('tab', {name: 'Links'}).click();
  await page.locator('#panel li', {hasText: 'a.invalid/4'}).waitFor();
  assert.deepEqual(await page.locator('#panel li').allInnerTexts(), [
    '//a.invalid/1', '//a.invalid/2', 'https://a.invalid/3',
    'http://a.invalid/4']);
  await page.done();
});

test('The page turns no text into HTML', async () => {
  const page = await open();
  const refused = await page.evaluate(() => {
    try {
      document.body.innerHTML = '<p>x';
      return '';
    } catch (error) {
      return error.name;
    }
  });
  assert.equal(refused, 'TypeError');
  await page.done();
});

// --- For everyone ---

// Returns the texts whose contrast is less than 4.5:1 (WCAG 1.4.3).
function faint() {
  const parse = (color) => color.match(/[\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const linear = [r, g, b].map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let checked = 0;
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const element = walker.currentNode.parentElement;
    if (!text || !element.checkVisibility() ||
        element.closest('script, noscript, option, :disabled, .unseen')) {
      continue;
    }
    let under = element;
    let ground;
    do {
      ground = parse(getComputedStyle(under).backgroundColor);
      under = under.parentElement;
    } while (under && ground.length === 4 && ground[3] === 0);
    const one = luminance(parse(getComputedStyle(element).color));
    const other = luminance(ground);
    const contrast =
        (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    ++checked;
    if (contrast < 4.5) found.push(`${text}: ${contrast.toFixed(2)}`);
  }
  return checked > 10 ? found : [`only ${checked} texts`];
}

test('Text has contrast, in light and dark', async () => {
  await rig.clear();
  await sendPlain('Contrast', {attachments: [{filename: 'a', content: 'b'}]});
  await assert.rejects(rig.mailer.sendMail({
    from: 'a@x.example', to: 'rcpt-550@y.example', text: 'x'}));
  for (const colorScheme of ['light', 'dark']) {
    const page = await open('', {colorScheme});
    await row(page, 'Contrast').click();
    for (const name of [
             'Text', 'Attachments', 'Headers', 'Source', 'Transcript']) {
      await page.getByRole('tab', {name}).click();
      await page.locator('#panel > *').first().waitFor();
      assert.deepEqual(await page.evaluate(faint), [], colorScheme);
    }
    await page.getByRole('link', {name: 'Sessions'}).click();
    await page.locator('#sessions [role=option]').first().click();
    await page.locator('.transcript .rejection').first().waitFor();
    assert.deepEqual(await page.evaluate(faint), [], colorScheme);
    await page.getByRole('link', {name: 'Faults'}).click();
    assert.deepEqual(await page.evaluate(faint), [], colorScheme);
    await page.keyboard.press('?');
    await page.locator('#help').waitFor();
    assert.deepEqual(await page.evaluate(faint), [], colorScheme);
    await page.done();
  }
});

test('The switch of colours is kept', async () => {
  const page = await open('', {colorScheme: 'light'});
  const ground = () => page.evaluate(
      () => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  const button = page.getByRole('button', {name: /^Colours/});
  await button.click();
  assert.equal(await ground(), light);
  await button.click();
  const dark = await ground();
  assert.notEqual(dark, light);
  await page.reload();
  assert.equal(await ground(), dark);
  await button.click();
  assert.equal(await ground(), light);
  await page.done();
});

test('A screen reader finds everything', async () => {
  await rig.clear();
  await sendPlain('Tree', {html: '<p>x'});
  const page = await open();
  await row(page, 'Tree').click();
  await page.locator('iframe').waitFor();
  const session = await page.context().newCDPSession(page);
  const check = async (expected) => {
    const {nodes} = await session.send('Accessibility.getFullAXTree');
    const seen = nodes.filter((node) => !node.ignored && node.role)
                     .map((node) => [node.role.value, node.name?.value || '']);
    for (const [role, name] of expected) {
      assert.ok(
          seen.some(([r, n]) => r === role && n.includes(name)),
          `${role} "${name}" in ${JSON.stringify(seen)}`);
    }
    const unnamed = seen.filter(
        ([role, name]) => !name.trim() && [
          'button', 'link', 'textbox', 'searchbox', 'combobox', 'checkbox',
          'switch', 'tab', 'tabpanel', 'option', 'spinbutton', 'listbox',
          'dialog', 'Iframe', 'navigation', 'region', 'image'].includes(role));
    assert.deepEqual(unnamed, []);
  };
  await check([
    ['banner', ''], ['navigation', 'Views'], ['main', ''], ['search', ''],
    ['searchbox', 'Search messages'], ['listbox', 'Messages'],
    ['option', 'Tree'], ['status', ''], ['heading', 'Tree'],
    ['tablist', 'Parts of the message'], ['tab', 'HTML'], ['tabpanel', 'HTML'],
    ['Iframe', 'HTML of the message'], ['button', 'Delete this message'],
  ]);
  await page.goto(rig.url + '#/faults');
  await page.locator('#fault-form').waitFor();
  await check([
    ['heading', 'Faults'], ['form', 'Add a fault'], ['combobox', 'Where'],
    ['textbox', 'Recipient'], ['textbox', 'Line'], ['button', 'Add fault'],
  ]);

  // The order of the keyboard, and that the focus can be seen.
  await page.goto(`${rig.url}#/messages`);
  await page.reload();
  await row(page, 'Tree').waitFor();
  await row(page, 'Tree').click();
  await page.locator('#tab-text').click();
  await page.locator('.skip').focus();
  const stops = [];
  for (let i = 0; i < 16; ++i) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate(() => {
      const element = document.activeElement;
      const outlined = [element, ...element.querySelectorAll('.row')].some(
          (e) => getComputedStyle(e).outlineStyle !== 'none');
      return {
        name: element.id || element.getAttribute('aria-label') ||
            element.textContent.trim().split(' ')[0],
        outlined,
      };
    });
    if (stop.name === 'panel') i = 16;  // the last one
    assert.ok(stop.outlined, `the focus on ${stop.name} is visible`);
    stops.push(stop.name);
  }
  const order = [
    'Messages', 'Sessions', 'Faults', 'colours', 'help-button', 'search',
    'delete-all', 'messages', 'Delete this message', 'tab-text', 'panel'];
  assert.deepEqual(stops.filter((stop) => order.includes(stop)), order, stops);
  await page.done();
});

test('A narrow window shows the list or the message', async () => {
  await rig.clear();
  await sendPlain('Narrow ' + 'x'.repeat(300), {html: '<p id="p">x'});
  const page = await open('', {viewport: {width: 360, height: 640}});
  const fits = () => page.evaluate(
      () => document.documentElement.scrollWidth <= window.innerWidth);
  assert.ok(await fits());
  await row(page, 'Narrow').click();
  await page.locator('#detail h2').waitFor();
  await page.locator('#messages').waitFor({state: 'hidden'});
  for (const tab of await page.getByRole('tab').all()) {
    await tab.click();
    assert.ok(await fits(), await tab.innerText());
  }
  await page.getByRole('button', {name: 'Back to the list'}).click();
  await row(page, 'Narrow').waitFor();
  await page.locator('#detail h2').waitFor({state: 'hidden'});
  await page.getByRole('link', {name: 'Faults'}).click();
  assert.ok(await fits());
  await page.done();
});

// Sends `count` messages on one connection, with BDAT (RFC 3030), whose groups
// need no reply between them.
async function sendMany(port, count) {
  const socket = net.connect(port, '127.0.0.1');
  let replies = 0;
  const finished = new Promise((resolve, reject) => {
    let rest = '';
    socket.on('error', reject);
    socket.on('data', (data) => {
      const lines = (rest + data).split('\r\n');
      rest = lines.pop();
      for (const line of lines) {
        if (!/^[23]\d\d/.test(line)) reject(new Error(line));
        if (/^\d\d\d /.test(line)) ++replies;
      }
      if (replies === 3 * count + 3) resolve();  // greeting, EHLO, QUIT
    });
  });
  socket.write('EHLO x.example\r\n');
  for (let i = 1; i <= count; ++i) {
    const content = `From: Sender ${i} <a${i % 97}@x.example>\r\n` +
        `To: b@y.example\r\nSubject: Number ${i} of many\r\n\r\nText ${i}\r\n`;
    const group = `MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\n` +
        `BDAT ${content.length} LAST\r\n${content}`;
    if (!socket.write(group)) await once(socket, 'drain');
  }
  socket.write('QUIT\r\n');
  await finished;
  socket.destroy();
}

test('Ten thousand messages do not make the page slow', async (t) => {
  const many = await startRig();
  const page = await open('', {}, many);
  const sent = Date.now();
  await sendMany(many.smtp, 10000);
  await page.locator('#message-count', {hasText: '10,000'}).waitFor();
  await row(page, 'Number 10000 of many').waitFor();
  t.diagnostic(`shown ${Date.now() - sent} ms after the first was sent`);
  const timed = async (what, act) => {
    const begin = Date.now();
    await act();
    t.diagnostic(`${what}: ${Date.now() - begin} ms`);
    const rows = await page.locator('#messages [role=option]').count();
    assert.ok(rows < 100, `${rows} elements`);
  };
  await timed('load', async () => {
    await page.reload();
    await row(page, 'Number 10000 of many').waitFor();
  });
  await page.locator('#messages').focus();
  await timed('to the end', async () => {
    await page.keyboard.press('End');
    await row(page, /Number 1 of many/).waitFor();
  });
  assert.equal(
      await row(page, /Number 1 of many/).getAttribute('aria-posinset'),
      '10000');
  await timed('open', async () => {
    await page.keyboard.press('Enter');
    await page.locator('#detail h2', {hasText: 'Number 1 of many'}).waitFor();
  });
  await timed('search', async () => {
    await page.keyboard.press('/');
    await until(page, () => document.activeElement.id === 'search');
    await page.keyboard.type('subject:"Number 77 of"');
    await page.locator('#found', {hasText: '1 message found'}).waitFor();
  });
  await page.keyboard.press('Escape');
  await until(
      page, () => document.getElementById('found').textContent === '');
  // What is read stays where it is while messages arrive.
  await page.locator('#messages').evaluate((list) => list.scrollTop = 50000);
  const top = () => page.evaluate(() => {
    const list = document.getElementById('messages');
    const {top} = list.getBoundingClientRect();
    return [...list.querySelectorAll('.row')]
        .find((element) => element.getBoundingClientRect().bottom > top + 1)
        ?.querySelector('.subject')
        ?.textContent;
  });
  await row(page, /Number 9[34]\d\d of many/).first().waitFor();
  await until(
      page, () => document.querySelectorAll('#messages .loading').length === 0);
  const before = await top();
  assert.match(before, /^Number/);
  await many.mailer.sendMail(
      {from: 'a@x.example', to: 'b@y.example', subject: 'One more', text: 'x'});
  await until(
      page,
      () => document.getElementById('announcement').textContent ===
          'New message: One more');
  await until(
      page, () => document.querySelectorAll('#messages .loading').length === 0);
  assert.equal(await top(), before);
  await page.done();
});

test('The log of the browser has no name of a hostile message', async () => {
  await browser.close();
  const log = fs.readFileSync(netLog, 'utf8');
  assert.ok(log.includes(rig.url), 'the log has the requests of the page');
  assert.ok(!log.includes('prefetch.invalid'), 'no name is looked up');
  assert.ok(!log.includes('anchor.invalid'), 'no name is looked up');
  assert.ok(!log.includes('shop.example'), 'no name is looked up');
});

test('Each rig ends without an error', async () => {
  trap.close();
  const codes = await Promise.all(rigs.map((started) => started.stop()));
  assert.deepEqual(codes, rigs.map(() => 0));
});
