// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The website in Chromium: node site_test.js SITE NODE_MODULES CHROMIUM

'use strict';

const assert = require('node:assert/strict');
const {once} = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const {after, before, test} = require('node:test');

const [site, nodeModules, chromiumPath] = process.argv.slice(2);
const {chromium} = require(path.join(nodeModules, 'playwright-core'));

const TIMEOUT = 20000;  // milliseconds, of each step
// Not TEST_TMPDIR: the path of Chromium's socket would be too long.
const scratch = fs.mkdtempSync('/tmp/site-test-');
const pages = fs.readdirSync(site, {recursive: true})
                  .map(String)
                  .filter((name) => name.endsWith('.html'))
                  .filter((name) => !name.startsWith('reference/'));

let browser, url;

// Serves the site, as a web server would.
const server = http.createServer((request, response) => {
  const file = path.join(site, new URL(request.url, 'http://x').pathname);
  const type = {'.html': 'text/html', '.css': 'text/css',
                '.js': 'text/javascript', '.png': 'image/png',
                '.svg': 'image/svg+xml'};
  fs.readFile(file, (error, data) => {
    response.writeHead(
        error ? 404 : 200,
        {'Content-Type': type[path.extname(file)] ?? 'text/plain'});
    response.end(data);
  });
});

// Opens a window. An error in it, and a request that leaves the site, fails the
// test.
async function open(options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT);
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(error.message));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) {
      wrong.push(message.text());
    }
  });
  page.on('request', (request) => {
    if (request.url() !== 'data:,' && !request.url().startsWith(url)) {
      wrong.push(request.url());
    }
  });
  page.on('requestfailed', (request) => {
    // The next page, or a script, may end the request for an image.
    if (request.failure().errorText !== 'net::ERR_ABORTED') {
      wrong.push(`failed: ${request.url()}`);
    }
  });
  page.visit = (name) => page.goto(url + name);
  page.done = async () => {
    assert.deepEqual(wrong, []);
    await context.close();
  };
  return page;
}

before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${server.address().port}/`;
  browser = await chromium.launch({
    executablePath: chromiumPath,
    headless: true,
    timeout: 60000,
    args: [
      '--no-sandbox', '--disable-gpu', '--no-first-run',
      '--disable-background-networking', '--disable-component-update',
      '--disable-sync', '--disable-dev-shm-usage',
    ],
    env: {...process.env, TMPDIR: scratch, HOME: scratch},
  });
});

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
  const found = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const element = walker.currentNode.parentElement;
    if (!text || !element.checkVisibility() || element.closest('.unseen')) {
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
    if (contrast < 4.5) found.add(`${text}: ${contrast.toFixed(2)}`);
  }
  return [...found];
}

test('No page is wider than its window', async () => {
  assert.ok(pages.length > 40, `${pages.length} pages`);
  const page = await open({});
  for (const name of pages) {
    await page.visit(name);
    for (const width of [360, 1280]) {
      await page.setViewportSize({width, height: 800});
      const wide = await page.evaluate(
          () => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(wide <= 0, `${name} at ${width}: ${wide} pixels too wide`);
    }
  }
  await page.done();
});

test('Text has contrast, in light and dark', async () => {
  for (const colorScheme of ['light', 'dark']) {
    const page = await open({colorScheme});
    for (const name of [
             'index.html', 'relaying.html', 'session.html', 'postern.8.html']) {
      await page.visit(name);
      assert.deepEqual(await page.evaluate(faint), [], `${name} ${colorScheme}`);
    }
    await page.done();
  }
});

test('The keyboard walks through the session', async () => {
  const page = await open({viewport: {width: 1280, height: 800}});
  await page.visit('session.html');
  const visible = () => page.locator('.step:visible').count();
  const place = () => page.locator('.place').innerText();
  assert.equal(await visible(), 1);
  assert.match(await place(), /^Step 1 of 15/);
  await page.keyboard.press('ArrowLeft');  // nothing is before the first one
  assert.match(await place(), /^Step 1 of 15/);
  for (let i = 0; i < 6; ++i) await page.keyboard.press('ArrowRight');
  assert.match(await place(), /^Step 7 of 15/);
  assert.match(
      await page.locator('.step:visible .server').innerText(), /553 5\.7\.1/);
  assert.match(
      await page.locator('.step:visible .engine').innerText(), /not-listed/);
  assert.equal(new URL(page.url()).hash, '#step-7');
  await page.reload();  // the address has the step
  assert.match(await place(), /^Step 7 of 15/);
  await page.keyboard.press('End');
  assert.match(await place(), /^Step 15 of 15/);
  assert.equal(await visible(), 1);
  // The buttons, by the keyboard.
  await page.getByRole('button', {name: 'Previous'}).focus();
  await page.keyboard.press('Enter');
  assert.match(await place(), /^Step 14 of 15/);
  await page.keyboard.press('Tab');
  await page.keyboard.press('Space');
  assert.match(await place(), /^Step 15 of 15/);
  await page.getByRole('button', {name: 'Show all'}).click();
  assert.equal(await visible(), 15);
  await page.done();
});

test('Without JavaScript the session is a list', async () => {
  const page = await open({javaScriptEnabled: false});
  await page.visit('session.html');
  assert.equal(await page.locator('.step:visible').count(), 15);
  assert.equal(await page.locator('input[type=search]:visible').count(), 0);
  await page.done();
});

test('The session can be read from the disk', async () => {
  const page = await browser.newPage();
  await page.goto(`file://${site}/session.html`);
  await page.keyboard.press('ArrowRight');
  await page.locator('.place', {hasText: 'Step 2 of 15'}).waitFor();
  await page.close();
});

test('A printed session has all steps', async () => {
  const page = await open({});
  await page.visit('session.html');
  await page.emulateMedia({media: 'print'});
  assert.equal(await page.locator('.step:visible').count(), 15);
  assert.equal(await page.locator('.sidebar:visible').count(), 0);
  await page.done();
});

test('The search finds an option, from a page of a subdirectory', async () => {
  const page = await open({viewport: {width: 1280, height: 800}});
  await page.visit(pages.find((name) => name.startsWith('source/engine/')));
  await page.keyboard.press('/');
  await page.keyboard.type('rate-limit');
  await page.locator('.results a', {hasText: '--rate-limit'}).first().waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/postern(-smtpd)?\.8\.html#/);
  await page.done();
});

test('The first key reaches the text, and the menu works on a phone',
     async () => {
       const page = await open({viewport: {width: 360, height: 800}});
       await page.visit('limits.html');
       await page.keyboard.press('Tab');
       assert.equal(
           await page.evaluate(() => document.activeElement.className), 'skip');
       await page.keyboard.press('Enter');
       await page.waitForFunction(
           () => document.activeElement.tagName === 'MAIN');
       await page.getByText('Menu').click();
       const wide = await page.locator('.menu nav').evaluate(
           (menu) => menu.scrollWidth - menu.clientWidth);
       assert.equal(wide, 0, 'the menu scrolls in one direction only');
       await page.locator('.menu').getByRole('link', {name: 'Benchmarks'})
           .click();
       await page.waitForURL(/benchmarks\.html$/);
       await page.done();
     });

test('The API reference is readable, in light and dark', async () => {
  const reference = path.join(site, 'reference');
  // A class, a C header, its source, a list of members, and lists of classes.
  const names = [
    'index.html', 'classpostern_1_1ServedSession.html', 'postern_8h.html',
    'postern_8h_source.html', 'classpostern_1_1rig_1_1Server-members.html',
    'annotated.html', 'classes.html', 'structpostern_1_1Ask.html',
  ];
  for (const colorScheme of ['light', 'dark']) {
    const page = await open({colorScheme});
    for (const name of names) {
      assert.ok(fs.existsSync(path.join(reference, name)), name);
      for (const width of [360, 1280]) {
        await page.setViewportSize({width, height: 800});
        await page.visit(`reference/${name}`);
        const wide = await page.evaluate(
            () => document.documentElement.scrollWidth - window.innerWidth);
        assert.ok(wide <= 0, `${name} at ${width}: ${wide} pixels too wide`);
      }
      assert.deepEqual(
          await page.evaluate(faint), [], `${name} ${colorScheme}`);
    }
    await page.done();
  }
});

test('The search of the API reference finds a function', async () => {
  for (const colorScheme of ['light', 'dark']) {
    const page = await open({colorScheme});
    await page.visit('reference/postern_8h.html');
    await page.locator('#MSearchField').click();
    await page.keyboard.type('awaitpreface');
    // doxygen 1.9.4 has the results in a frame, and later versions have not.
    const frame = await page.locator('#MSearchResults').evaluate(
        (results) => results.tagName === 'IFRAME') ?
        await (await page.locator('#MSearchResults').elementHandle())
            .contentFrame() :
        page.mainFrame();
    const result = frame.locator('a', {hasText: /^AwaitPreface/}).first();
    await result.waitFor();
    assert.deepEqual(await frame.evaluate(faint), [], colorScheme);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForURL(/classpostern_1_1ServedSession\.html#/);
    await page.done();
  }
});

// Node.js 18 calls after() only when nothing keeps the program running.
test('The browser ends', async () => {
  await browser.close();
  server.close();
});
after(() => fs.rmSync(scratch, {recursive: true, force: true}));
