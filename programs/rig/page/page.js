// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The page of `postern rig`. It reads and changes everything with the HTTP API,
// and the server's events say when to read again.
//
// Messages are hostile. Their text reaches the document only as text nodes and
// attribute values: the page's Content-Security-Policy forbids innerHTML
// (Trusted Types). Their HTML is shown only in a frame with an empty `sandbox`.

'use strict';

(() => {
  const $ = (id) => document.getElementById(id);

  // What the user has chosen. A browser may forbid to keep it.
  const chosen = {};
  function remembered(name) {
    try {
      return localStorage.getItem(name);
    } catch {
      return chosen[name];
    }
  }
  function remember(name, value) {
    chosen[name] = value;
    try {
      localStorage.setItem(name, value);
    } catch {
      // It lasts until the page is closed.
    }
  }

  const COLOURS = ['auto', 'light', 'dark'];
  const colours = () =>
      COLOURS.includes(remembered('colours')) ? remembered('colours') : 'auto';
  document.documentElement.dataset.colours = colours();

  // --- Elements ---

  // Control characters, and those that change the direction of text: a name
  // must not look like another one.
  const UNSEEN =
      /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+/g;

  // Returns nodes with `text`, in which "U+202E" shows an unseen character. A
  // run of such characters is one element. A browser is slow with very many of
  // them, so after the first ones "U+202E" is a part of the text.
  const MOST_MARKS = 1000;
  function shown(text) {
    const nodes = [];
    const plain = [];
    let last = 0;
    for (const match of text.matchAll(UNSEEN)) {
      const before = text.slice(last, match.index);
      const codes = Array.from(
          match[0],
          (character) => 'U+' +
              character.charCodeAt(0).toString(16).toUpperCase().padStart(
                  4, '0')).join(' ');
      if (nodes.length < 2 * MOST_MARKS) {
        nodes.push(before, h('span', {class: 'code-point'}, codes));
      } else {
        plain.push(before, codes);
      }
      last = match.index + match[0].length;
    }
    nodes.push(plain.join('') + text.slice(last));
    return nodes.filter((node) => node !== '');
  }

  // A call has a limited number of arguments, and a message can have more
  // nodes. So appendAll() appends them in slices.
  const MOST_ARGUMENTS = 1000;
  function appendAll(element, nodes) {
    for (let i = 0; i < nodes.length; i += MOST_ARGUMENTS) {
      element.append(...nodes.slice(i, i + MOST_ARGUMENTS));
    }
  }

  // Returns an element. An attribute that is null or false is omitted, and a
  // function listens to the event of its name.
  function h(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (typeof value === 'function') {
        element.addEventListener(name, value);
      } else if (value !== null && value !== undefined && value !== false) {
        element.setAttribute(name, value === true ? '' : value);
      }
    }
    appendAll(
        element, children.flat(2).filter((child) => child || child === 0));
    return element;
  }

  // Returns text of a message, whose direction does not affect what is around.
  const foreign = (text) => h('bdi', null, shown(text));

  function icon(name) {
    const space = 'http://www.w3.org/2000/svg';
    const svg = document.createElementNS(space, 'svg');
    svg.setAttribute('class', 'icon');
    svg.setAttribute('aria-hidden', 'true');
    const use = document.createElementNS(space, 'use');
    use.setAttribute('href', '#icon-' + name);
    svg.append(use);
    return svg;
  }

  // --- Words for values ---

  const count = (n, one, many) =>
      `${n.toLocaleString('en')} ${n === 1 ? one : many || one + 's'}`;

  function octets(n) {
    if (n < 1000) return count(n, 'octet');
    if (n < 1e6) return (n / 1e3).toFixed(n < 1e4 ? 1 : 0) + ' kB';
    return (n / 1e6).toFixed(n < 1e7 ? 1 : 0) + ' MB';
  }

  const CLOCK = new Intl.DateTimeFormat(
      undefined,
      {hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23'});
  const DAY =
      new Intl.DateTimeFormat(undefined, {day: 'numeric', month: 'short'});
  const MOMENT = new Intl.DateTimeFormat(
      undefined,
      {dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23'});

  const valid = (date) => !Number.isNaN(date.getTime());
  function moment(text) {
    const date = new Date(text);
    return valid(date) ? MOMENT.format(date) : text;
  }
  // The time of today, otherwise the day.
  function shortTime(text) {
    const date = new Date(text);
    if (!valid(date)) return h('time', null);
    const today = date.toDateString() === new Date().toDateString();
    return h(
        'time', {datetime: date.toISOString(), title: MOMENT.format(date)},
        (today ? CLOCK : DAY).format(date));
  }

  // An address of the API's messages: {Name, Address}.
  const shortAddress = (address) => address.Name || address.Address || '<>';
  function fullAddress(address) {
    if (!address.Name) return foreign(address.Address || '<>');
    return [
      foreign(address.Name), ' ',
      h('span', {class: 'address'}, '<', foreign(address.Address), '>'),
    ];
  }
  const listed = (items) =>
      items.flatMap((item, i) => (i === 0 ? [item] : [', ', item]));

  // --- The API ---

  // Returns the response. Throws an Error with what the server says.
  async function request(path, options) {
    const response = await fetch(path, {cache: 'no-store', ...options});
    if (response.ok) return response;
    const text = (await response.text()).trim();
    let reason = text;
    try {
      const error = JSON.parse(text);
      reason = error.Error || error.error || text;
    } catch {
      // It is not JSON.
    }
    throw new Error(reason || `${response.status} ${response.statusText}`);
  }
  const read = async (path) => (await request(path)).json();
  const send = (method, path, body) => request(path, {
    method,
    headers: {'Content-Type': 'application/json'},
    body: JSON.stringify(body),
  });
  const OURS = '/api/postern/v1/';
  const messagePath = (id) => '/api/v1/message/' + encodeURIComponent(id);

  function announce(text) {
    $('announcement').textContent = text;
  }
  // Shows an error until the next key or click. fetch() throws a TypeError if
  // there is no connection, which `live` shows.
  function complain(error) {
    if (!(error instanceof TypeError)) $('problem').textContent = error.message;
  }

  // --- A list of any length ---

  const CHUNK = 100;   // rows of one request
  const MARGIN = 8;    // rows above and below the visible ones

  // A listbox that has elements only for the rows near the visible ones, and
  // requests those that it shows. Its rows are numbered from 0, the newest.
  class List {
    // `load(start, limit)` returns a promise of {total, rows}; `key(row)`
    // identifies a row; `draw(row)` returns the children and the class of its
    // element; `open(key)` opens it; `changed()` is called after each load.
    constructor(element, label, {load, key, draw, open, changed}) {
      this.element = element;
      this.load = load;
      this.key = key;
      this.draw = draw;
      this.open = open;
      this.changed = changed;
      this.total = 0;
      this.rows = new Map();      // by index
      this.elements = new Map();  // by index
      this.loading = new Set();   // the indexes of chunks
      this.version = 0;
      this.cursor = -1;
      this.cursorKey = null;
      this.size = h('div', {class: 'size', role: 'presentation'});
      element.append(this.size);
      element.tabIndex = 0;
      element.setAttribute('role', 'listbox');
      element.setAttribute('aria-label', label);
      element.addEventListener('scroll', () => this.paintSoon());
      new ResizeObserver(() => this.paintSoon()).observe(element);
      element.addEventListener('keydown', (event) => this.onKey(event));
      element.addEventListener('click', (event) => {
        const row = event.target.closest('.row');
        if (!row) return;
        this.moveTo(Number(row.dataset.index));
        this.openCursor();
      });
    }

    // Reads everything that is shown again. `added` rows are known to be new;
    // otherwise the total says so.
    async refresh(added) {
      const version = ++this.version;
      this.loading.clear();
      const height = this.rowHeight();
      const scrolled = this.element.scrollTop > 0;
      const first = Math.floor(this.element.scrollTop / height) +
          (scrolled ? added || 0 : 0);
      const from = Math.max(0, first - MARGIN);
      let result;
      try {
        // Of a list that is not shown, only the total is.
        result = await this.load(from, lists[route.view] === this ? CHUNK : 1);
      } catch (error) {
        complain(error);
        return;
      }
      if (version !== this.version) return;  // a later refresh has begun
      added ??= Math.max(0, result.total - this.total);
      const held = scrolled ? added : 0;
      this.total = result.total;
      this.rows = new Map(result.rows.map((row, i) => [from + i, row]));
      this.findCursor(added);
      this.repaint();
      this.size.style.height = this.total * height + 'px';
      // What is being read stays where it is.
      if (held > 0) this.element.scrollTop += held * height;
      this.paint();
      this.changed(this);
    }

    // The rows have moved: follows the one with the cursor.
    findCursor(added) {
      if (this.cursorKey === null) return;
      for (const [index, row] of this.rows) {
        if (this.key(row) === this.cursorKey) {
          this.cursor = index;
          return;
        }
      }
      const moved = this.cursor + added;
      if (this.rows.has(moved) || moved >= this.total) {
        // It has been removed: the row in its place.
        this.cursor = Math.min(this.cursor, this.total - 1);
        const row = this.rows.get(this.cursor);
        this.cursorKey = row ? this.key(row) : null;
      } else {
        this.cursor = moved;
      }
    }

    rowHeight() {
      if (!this.height) {
        const probe = h('div', {class: 'row'});
        this.size.append(probe);
        this.height = probe.getBoundingClientRect().height;
        probe.remove();
        if (!this.height) return 80;  // not displayed: measured next time
      }
      return this.height;
    }

    paintSoon() {
      if (this.frame) return;
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        this.paint();
      });
    }

    repaint() {
      for (const element of this.elements.values()) element.remove();
      this.elements.clear();
    }

    paint() {
      if (this.element.clientHeight === 0) return;
      const height = this.rowHeight();
      this.size.style.height = this.total * height + 'px';
      const top = this.element.scrollTop;
      const first = Math.max(0, Math.floor(top / height) - MARGIN);
      const end = Math.min(
          this.total,
          Math.ceil((top + this.element.clientHeight) / height) + MARGIN);
      for (const [index, element] of this.elements) {
        if (index < first || index >= end) {
          element.remove();
          this.elements.delete(index);
        }
      }
      for (let index = first; index < end; ++index) {
        const row = this.rows.get(index);
        if (!row) this.requestSoon();
        const old = this.elements.get(index);
        if (old && (old.complete || !row)) continue;
        const element = this.makeRow(index, row, height);
        if (old) {
          old.replaceWith(element);
        } else {
          // In the order of the list, which a screen reader follows.
          const next = [...this.size.children].find(
              (other) => Number(other.dataset.index) > index);
          this.size.insertBefore(element, next || null);
        }
        this.elements.set(index, element);
      }
      this.paintCursor();
    }

    makeRow(index, row, height) {
      const {children, classes} =
          row ? this.draw(row) : {children: ['Loading'], classes: 'loading'};
      const element = h(
          'div', {
            'class': `row ${classes}`,
            'role': 'option',
            'id': `${this.element.id}-${index}`,
            'aria-setsize': this.total,
            'aria-posinset': index + 1,
            'aria-selected': 'false',
            'data-index': index,
          },
          children);
      element.complete = Boolean(row);
      element.style.transform = `translateY(${index * height}px)`;
      return element;
    }

    // Waits a moment before it requests rows: a user who scrolls far stops at
    // few of the rows on the way.
    requestSoon() {
      if (this.timer) return;
      this.timer = setTimeout(() => {
        this.timer = 0;
        for (const index of this.elements.keys()) {
          if (!this.rows.has(index)) this.request(Math.floor(index / CHUNK));
        }
      }, 50);
    }

    async request(chunk) {
      if (this.loading.has(chunk)) return;
      this.loading.add(chunk);
      const version = this.version;
      try {
        const {rows} = await this.load(chunk * CHUNK, CHUNK);
        if (version !== this.version) return;
        rows.forEach((row, i) => this.rows.set(chunk * CHUNK + i, row));
        this.paint();
        this.changed(this);
      } catch (error) {
        if (version === this.version) this.loading.delete(chunk);
        complain(error);
      }
    }

    paintCursor() {
      for (const [index, element] of this.elements) {
        element.setAttribute(
            'aria-selected', index === this.cursor ? 'true' : 'false');
      }
      const active = this.elements.get(this.cursor);
      if (active) {
        this.element.setAttribute('aria-activedescendant', active.id);
      } else {
        this.element.removeAttribute('aria-activedescendant');
      }
    }

    // Moves the cursor, and scrolls to it. Returns whether there is a row.
    moveTo(index) {
      if (this.total === 0) return false;
      this.cursor = Math.max(0, Math.min(this.total - 1, index));
      const row = this.rows.get(this.cursor);
      this.cursorKey = row ? this.key(row) : null;
      const height = this.rowHeight();
      const top = this.cursor * height;
      const view = this.element;
      if (top < view.scrollTop) {
        view.scrollTop = top;
      } else if (top + height > view.scrollTop + view.clientHeight) {
        view.scrollTop = top + height - view.clientHeight;
      }
      this.paint();
      return true;
    }
    move(by) {
      return this.moveTo(this.cursor < 0 ? 0 : this.cursor + by);
    }
    // Puts the cursor on the row with this key, if it is loaded.
    select(key) {
      if (this.cursorKey === key) return;
      this.cursor = -1;
      this.cursorKey = key;
      this.findCursor(0);
      if (this.cursor >= 0) this.moveTo(this.cursor);
    }
    clear() {
      this.cursor = -1;
      this.cursorKey = null;
      this.element.scrollTop = 0;
    }

    async openCursor() {
      if (this.cursor < 0) return;
      let row = this.rows.get(this.cursor);
      if (!row) {  // the cursor was faster than the rows
        const index = this.cursor;
        row = (await this.load(index, 1)).rows[0];
        if (!row || index !== this.cursor) return;
      }
      this.cursorKey = this.key(row);
      this.open(this.cursorKey);
    }

    onKey(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const page =
          Math.max(1, Math.floor(this.element.clientHeight / this.rowHeight()));
      const moves = {
        ArrowDown: () => this.move(1),
        ArrowUp: () => this.move(-1),
        PageDown: () => this.move(page),
        PageUp: () => this.move(-page),
        Home: () => this.moveTo(0),
        End: () => this.moveTo(this.total - 1),
        Enter: () => this.openCursor(),
        ' ': () => this.openCursor(),
      };
      if (!Object.hasOwn(moves, event.key)) return;
      event.preventDefault();
      moves[event.key]();
    }
  }

  // --- Tabs ---

  let chosenTab = '';  // stays when another message is opened

  // Returns a tab list and its panel. Each tab is {name, title, fill(panel)}.
  function makeTabs(tabs, label) {
    const panel = h('div', {
      class: 'panel',
      role: 'tabpanel',
      id: 'panel',
      tabindex: '0',
    });
    const buttons = tabs.map((tab) => h('button', {
      'type': 'button',
      'role': 'tab',
      'id': 'tab-' + tab.name,
      'aria-controls': 'panel',
      'click': () => {
        chosenTab = tab.name;
        choose(tab);
      },
    }, tab.title));
    function choose(tab) {
      tabs.forEach((other, i) => {
        buttons[i].setAttribute('aria-selected', String(other === tab));
        buttons[i].tabIndex = other === tab ? 0 : -1;
      });
      panel.setAttribute('aria-labelledby', 'tab-' + tab.name);
      panel.replaceChildren();
      panel.scrollTop = 0;
      panel.dataset.tab = tab.name;
      Promise.resolve(tab.fill(panel)).catch((error) => {
        if (panel.dataset.tab !== tab.name) return;
        panel.replaceChildren(
            h('p', {class: 'pad error', role: 'alert'}, error.message));
      });
    }
    const list = h('div', {
      'class': 'tabs',
      'role': 'tablist',
      'aria-label': label,
      'keydown': (event) => {
        const at = buttons.indexOf(document.activeElement);
        const last = buttons.length - 1;
        const to = {
          ArrowRight: at === last ? 0 : at + 1,
          ArrowLeft: at === 0 ? last : at - 1,
          Home: 0,
          End: last,
        }[event.key];
        if (at < 0 || to === undefined) return;
        event.preventDefault();
        buttons[to].focus();
        buttons[to].click();
      },
    }, buttons);
    choose(tabs.find((tab) => tab.name === chosenTab) || tabs[0]);
    return [list, panel];
  }

  const padded = (...children) => h('div', {class: 'pad'}, children);

  // --- A message ---

  // The HTML of messages is parsed here only to list what it refers to. A
  // document of DOMParser runs no script and requests nothing.
  const policy = window.trustedTypes ?
      trustedTypes.createPolicy('inert', {createHTML: (html) => html}) :
      {createHTML: (html) => html};
  const parseInert = (html) =>
      new DOMParser().parseFromString(policy.createHTML(html), 'text/html');

  const WEB = /^\s*(https?:)?\/\//i;
  // Returns {links: [{text, address}], remote: [address]}.
  function references(html) {
    const inert = parseInert(html);
    const links = [];
    for (const link of inert.querySelectorAll('a[href], area[href]')) {
      const address = link.getAttribute('href').trim();
      if (address.startsWith('#')) continue;
      const text = link.textContent.replace(/\s+/g, ' ').trim() ||
          link.getAttribute('alt') || link.querySelector('img')?.alt || '';
      links.push({text, address});
    }
    const remote = new Set();
    for (const element of inert.querySelectorAll(
             '[src], [srcset], [background], [poster], [data], link[href],' +
             'image, use')) {
      for (const name of [
               'src', 'srcset', 'background', 'poster', 'data', 'href',
               'xlink:href']) {
        if (name === 'href' && element.matches('a, area, base')) continue;
        const address = (element.getAttribute(name) || '').trim();
        if (WEB.test(address)) remote.add(address);
      }
    }
    const styles = [...inert.querySelectorAll('style')]
                       .map((style) => style.textContent)
                       .concat([...inert.querySelectorAll('[style]')].map(
                           (styled) => styled.getAttribute('style')))
                       .join('\n');
    // Blanks after a quotation mark need that mark: an expression with two
    // optional parts of blanks side by side takes quadratic time.
    for (const match of styles.matchAll(
             /(?:url\(|@import)\s*(?:["']\s*)?((?:https?:)?\/\/[^"')\s;]+)/gi)) {
      remote.add(match[1]);
    }
    return {links, remote: [...remote]};
  }

  function fillHtml(panel, message, found) {
    const frame = h('iframe', {
      sandbox: '',  // no scripts, forms, windows, or navigation of this page
      referrerpolicy: 'no-referrer',
      title: 'HTML of the message',
      src: `/view/${encodeURIComponent(message.ID)}.html`,
    });
    const box = h('div', {class: 'frame'}, frame);
    const widths = ['Full', 'Phone'].map((name) => h('button', {
      'type': 'button',
      'aria-pressed': String(name === 'Full'),
      'click': () => {
        box.classList.toggle('phone', name === 'Phone');
        for (const button of widths) {
          button.setAttribute(
              'aria-pressed', String(button.textContent === name));
        }
      },
    }, name));
    const remote = found.remote.length;
    panel.append(
        h('div', {class: 'notice'},
          h('span', {class: 'grow'},
            'Scripts and remote content are blocked.' +
                (remote > 0 || found.links.length > 0 ?
                     ' The tab Links lists what it refers to.' :
                     '')),
          h('span', {class: 'widths', role: 'group', 'aria-label': 'Width'},
            widths)),
        box);
  }

  const MOST_TEXT = 512 * 1024;  // shown of a text, a source, or the HTML's links

  function fillText(panel, message) {
    const text = message.Text.slice(0, MOST_TEXT);
    panel.append(padded(
        h('pre', {class: 'text', dir: 'auto'}, shown(text)),
        text.length < message.Text.length && h(
            'p', {class: 'note'}, `The first ${octets(MOST_TEXT)} of ${
                octets(message.Text.length)}.`)));
  }

  function fillLinks(panel, found) {
    const address = ({text, address}) => {
      const opens = WEB.test(address) || /^mailto:/i.test(address);
      return h(
          'li', null,
          h('span', {class: 'grow'}, text ? h('div', null, foreign(text)) : '',
            h('code', null,
              opens ? h('a', {
                href: address,
                target: '_blank',
                rel: 'noopener noreferrer',
              }, foreign(address)) :
                      foreign(address))));
    };
    const content = padded();
    if (found.links.length > 0) {
      content.append(
          h('h3', null, 'Links'),
          h('ul', {class: 'items'}, found.links.map(address)));
    }
    if (found.remote.length > 0) {
      content.append(
          h('h3', null, 'Remote content, which is never loaded'),
          h('ul', {class: 'items'},
            found.remote.map(
                (text) => h('li', null, h('code', null, foreign(text))))));
    }
    panel.append(content);
  }

  async function fillHeaders(panel, message) {
    const {fields} =
        await read(`${OURS}message/${encodeURIComponent(message.ID)}/fields`);
    if (panel.dataset.tab !== 'headers') return;
    panel.append(padded(h(
        'table', {class: 'table'},
        h('tbody', null, fields.map(([name, value]) => h(
            'tr', null, h('th', {scope: 'row'}, foreign(name)),
            h('td', null, foreign(value))))))));
  }

  async function fillSource(panel, message) {
    const path = messagePath(message.ID) + '/raw';
    const data = await (await request(path)).arrayBuffer();
    if (panel.dataset.tab !== 'source') return;
    const part = new Uint8Array(data, 0, Math.min(data.byteLength, MOST_TEXT));
    const text = new TextDecoder().decode(part).replace(/\r\n/g, '\n');
    panel.append(
        h('div', {class: 'notice'},
          h('span', {class: 'grow'},
            data.byteLength > MOST_TEXT ?
                `The first ${octets(MOST_TEXT)} of ${
                    octets(data.byteLength)}.` :
                octets(data.byteLength)),
          h('a', {href: path, download: `message-${message.ID}.eml`},
            'Download')),
        padded(h('pre', {class: 'source'}, shown(text))));
  }

  const PICTURES =
      ['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif'];
  function fillAttachments(panel, message, parts) {
    panel.append(padded(h('ul', {class: 'items'}, parts.map((part) => {
      const path =
          `${messagePath(message.ID)}/part/${encodeURIComponent(part.PartID)}`;
      const name = part.FileName || 'Without a name';
      return h(
          'li', null,
          PICTURES.includes(part.ContentType) && h('img', {
            src: path,
            alt: '',
            loading: 'lazy',
          }),
          h('span', {class: 'grow'}, h('div', null, foreign(name)),
            h('div', {class: 'small'}, foreign(part.ContentType), ', ',
              octets(part.Size),
              part.ContentID ? [', cid:', foreign(part.ContentID)] : '')),
          h('a', {
            'class': 'button',
            'href': path,
            'download': part.FileName || `part-${part.PartID}`,
            'aria-label': 'Download ' + name,
          }, icon('download'), 'Download'));
    }))));
  }

  // --- A transcript ---

  function drawLine(line, first) {
    const who = {client: 'C', server: 'S'}[line.from] || '';
    const kinds = [line.from];
    if (who === 'S' && /^4\d\d/.test(line.text)) kinds.push('refusal');
    if (who === 'S' && /^5\d\d/.test(line.text)) kinds.push('rejection');
    if (who === 'C' && first) kinds.push('turn');
    return h(
        'li', {class: kinds.join(' ')},
        h('time', {title: 'Seconds since the beginning of the session'},
          (line.ms / 1000).toFixed(3)),
        h('span', {class: 'who', 'aria-hidden': 'true'}, who),
        h('span', {class: 'line'},
          who && h('span', {class: 'unseen'},
                   who === 'C' ? 'Client: ' : 'Server: '),
          shown(line.text)));
  }

  // Returns the item whose button shows the lines that follow.
  function moreLines(lines, draw) {
    const item = h('li', {class: 'more'}, h('button', {
      'type': 'button',
      'class': 'quiet',
      'click': () => {
        const items = draw(lines);
        const fragment = document.createDocumentFragment();
        appendAll(fragment, items);
        item.replaceWith(fragment);
        items[0].tabIndex = -1;
        items[0].focus();
      },
    }, `Show ${count(lines.length, 'more line')}`));
    return item;
  }

  const MOST_LINES = 1000;  // without a button
  const LONG = 40;          // lines of the client without one of the server
  const LONG_BEGIN = 20;
  const LONG_END = 5;
  // Returns the items of a transcript. A long message shows its ends.
  function drawLines(lines) {
    const items = [];
    const plain = (part, first) =>
        part.map((line, i) => drawLine(line, first && i === 0));
    for (let begin = 0; begin < lines.length;) {
      if (items.length > MOST_LINES) {
        items.push(moreLines(lines.slice(begin), drawLines));
        break;
      }
      let end = begin + 1;
      while (end < lines.length && lines[end].from === lines[begin].from) ++end;
      const run = lines.slice(begin, end);
      if (run.length > LONG) {
        items.push(
            ...plain(run.slice(0, LONG_BEGIN), true),
            moreLines(run.slice(LONG_BEGIN, -LONG_END), plain),
            ...plain(run.slice(-LONG_END), false));
      } else {
        items.push(...plain(run, true));
      }
      begin = end;
    }
    return items;
  }
  const drawTranscript = (lines) =>
      h('ol', {class: 'transcript'}, drawLines(lines));

  async function fillTranscript(panel, number) {
    const session = await read(`${OURS}session/${number}`);
    if (panel.dataset.tab !== 'transcript') return;
    const lines = session.transcript;
    panel.replaceChildren(padded(
        lines.length > 0 ? drawTranscript(lines) :
                           h('p', {class: 'note'}, 'There is no transcript.')));
  }

  // How a session ended, for CloseReason's names.
  const ENDS = {
    'quit': 'QUIT',
    'peer-gone': 'the client has closed the connection',
    'timeout': 'the client was silent for too long',
    'refused': 'the server has refused the client',
    'abuse': 'the client has made too many errors',
    'shutdown': 'the server has closed the connection',
  };
  const endOf = (session) =>
      session.end ? ENDS[session.end] || session.end : 'it is open';

  const LOCAL_CLIENT = 'a Unix socket';  // a client that has no address
  const clientOf = (session) => [
    session.address ? `${session.address} port ${session.port}` : LOCAL_CLIENT,
    session.name && [' as ', foreign(session.name)],
  ];

  function sessionChips(session) {
    return [
      session.tls || 'no TLS',
      session.user && `user ${session.user}`,
      ...session.extensions,
    ].filter(Boolean).map((text) => h('span', {class: 'chip'}, foreign(text)));
  }

  // --- The reading pane ---

  let opened = null;  // {view: 'messages' or 'sessions', key}

  function backButton() {
    return h('button', {
      'type': 'button',
      'class': 'quiet back',
      'aria-label': 'Back to the list',
      'click': close,
    }, icon('back'));
  }

  // Puts an element with `content` into the pane. The focus moves to its title
  // if `focus`, or if it was in the pane.
  function fillDetail(content, focus) {
    const pane = $('detail');
    const within = pane.contains(document.activeElement);
    const tab = within && document.activeElement.closest('.tabs') ?
        document.activeElement.id :
        '';
    pane.replaceChildren(...content);
    if (tab && $(tab) && !focus) {
      $(tab).focus();
    } else if (focus || within) {
      // A pane in which nothing is open has no title.
      $('detail-title')?.focus();
    }
  }

  async function openMessage(id, focus) {
    const here = opened = {view: 'messages', key: id};
    messages.select(id);
    let message, facts;
    try {
      [message, facts] = await Promise.all([
        read(messagePath(id)),
        read(`${OURS}message/${encodeURIComponent(id)}/envelope`),
      ]);
    } catch (error) {
      if (opened === here) gone(error, focus);
      return;
    }
    if (opened !== here) return;
    messages.markRead(id);
    const subject = message.Subject || '(no subject)';
    const parts = [...message.Attachments, ...message.Inline];
    const found =
        message.HTML ? references(message.HTML.slice(0, MOST_TEXT)) : null;
    const fact = (name, value) => value && value.length !== 0 && [
      h('dt', null, name), h('dd', null, value)];
    const addresses = (list) => listed((list || []).map(fullAddress));
    // The envelope, if it is not what the header says.
    const named = new Set([
      ...(message.To || []), ...(message.Cc || []),
    ].map((address) => address.Address.toLowerCase()));
    const hidden = facts.to.filter((to) => !named.has(to.toLowerCase()));
    const sender = message.From.Address;
    // A message of the API's `send` came in no session: its number is 0.
    const session = facts.session.number;
    fillDetail([
      h('div', {class: 'head'},
        h('div', {class: 'title'}, backButton(),
          h('h2', {id: 'detail-title', tabindex: '-1'}, foreign(subject)),
          h('div', {class: 'buttons'},
            h('button', {
              'type': 'button',
              'class': 'quiet',
              'aria-label': 'Delete this message',
              'title': 'Delete (#)',
              'click': removeMessage,
            }, icon('delete')))),
        h('dl', {class: 'facts'},
          fact('From', sender && fullAddress(message.From)),
          fact('To', addresses(message.To)),
          fact('Cc', addresses(message.Cc)),
          fact('Reply to', addresses(message.ReplyTo)),
          fact('Envelope', (hidden.length > 0 || sender !== facts.from) && [
            'from ', foreign(facts.from || '<>'), ' to ',
            listed(facts.to.map(foreign)),
          ]),
          fact('Received', [
            moment(facts.received), ', ', octets(message.Size),
            session > 0 && [
              ', ',
              h('a', {href: `#/sessions/${session}`}, `session ${session}`),
            ],
          ]))),
      ...makeTabs([
        message.HTML && {
          name: 'html',
          title: 'HTML',
          fill: (panel) => fillHtml(panel, message, found),
        },
        (message.Text || !message.HTML) && {
          name: 'text',
          title: 'Text',
          fill: (panel) => fillText(panel, message),
        },
        found && (found.links.length > 0 || found.remote.length > 0) && {
          name: 'links',
          title: ['Links ', h('span', {class: 'count'},
                              found.links.length || '')],
          fill: (panel) => fillLinks(panel, found),
        },
        parts.length > 0 && {
          name: 'attachments',
          title: ['Attachments ', h('span', {class: 'count'}, parts.length)],
          fill: (panel) => fillAttachments(panel, message, parts),
        },
        {
          name: 'headers',
          title: 'Headers',
          fill: (panel) => fillHeaders(panel, message),
        },
        {
          name: 'source',
          title: 'Source',
          fill: (panel) => fillSource(panel, message),
        },
        session > 0 && {
          name: 'transcript',
          title: 'Transcript',
          fill: (panel) => fillTranscript(panel, session),
        },
      ].filter(Boolean), 'Parts of the message'),
    ], focus);
    here.session = session;
  }

  async function openSession(key, focus) {
    const here = opened = {view: 'sessions', key, session: Number(key)};
    sessions.select(key);
    let session;
    try {
      session = await read(`${OURS}session/${encodeURIComponent(key)}`);
    } catch (error) {
      if (opened === here) gone(error, focus);
      return;
    }
    if (opened !== here) return;
    const fact = (name, value) => value && [
      h('dt', null, name), h('dd', null, value)];
    fillDetail([
      h('div', {class: 'head'},
        h('div', {class: 'title'}, backButton(),
          h('h2', {id: 'detail-title', tabindex: '-1'},
            `Session ${session.number}`)),
        h('dl', {class: 'facts'},
          fact('Client', clientOf(session)),
          fact('Began', moment(session.began)),
          fact('End', endOf(session)),
          fact('Messages', session.messages.length > 0 &&
              listed(session.messages.map(
                  (id) => h('a', {href: '#/messages/' + id}, id)))),
          fact('Used', h('div', {class: 'chips'}, sessionChips(session))))),
      h('div', {
        'class': 'panel',
        'id': 'panel',
        'role': 'region',
        'aria-label': 'Transcript',
        'tabindex': '0',
        'data-tab': 'transcript',
      }, padded(drawTranscript(session.transcript))),
    ], focus);
  }

  function gone(error, focus) {
    fillDetail([h('div', {class: 'empty'}, backButton(),
                  h('h3', {id: 'detail-title', tabindex: '-1'},
                    'It cannot be shown'),
                  h('p', null, error.message))], focus);
  }

  function nothingOpen() {
    const list = lists[route.view];
    fillDetail([
      h('div', {class: 'empty'},
        h('p', null, list && list.total > 0 ? [
          h('kbd', null, 'j'), ' ', h('kbd', null, 'k'), ' to choose, ',
          h('kbd', null, 'Enter'), ' to open, ', h('kbd', null, '?'),
          ' for all keys',
        ] : '')),
    ], false);
  }

  // Goes back to the list. In a narrow window it is not shown until then.
  let goesBack = false;
  function close() {
    goesBack = true;
    if (route.key) {
      go(route.view);
    } else {
      follow();
    }
  }

  async function removeMessage() {
    const id = opened ? opened.key : messages.cursorKey;
    if (id === null || route.view !== 'messages') return;
    const next = messages.neighbour(id);
    try {
      await send('DELETE', '/api/v1/messages', {IDs: [id]});
    } catch (error) {
      complain(error);
      return;
    }
    announce('The message is deleted');
    if (opened && opened.key === id) {
      if (next === null) {
        close();
      } else {
        // Not a step of the history: the way back would lead to nothing.
        location.replace('#/messages/' + next);
      }
    }
    messages.refresh();
  }

  // --- The lists ---

  let query = '';

  const messages = new List($('messages'), 'Messages', {
    load: async (start, limit) => {
      const parameters = new URLSearchParams({start, limit});
      if (query) parameters.set('query', query);
      const page =
          await read(`/api/v1/${query ? 'search' : 'messages'}?${parameters}`);
      messages.all = page.total;
      return {total: page.messages_count, rows: page.messages};
    },
    key: (row) => row.ID,
    draw: (row) => {
      const to = [...(row.To || []), ...(row.Cc || []), ...(row.Bcc || [])];
      const more = to.length > 1 ? ` and ${to.length - 1} more` : '';
      return {
        classes: row.Read ? '' : 'unread',
        children: [
          h('span', null,
            h('span', {class: 'grow sender'},
              row.Read ? '' : h('span', {class: 'unseen'}, 'Unread. '),
              foreign(shortAddress(row.From))),
            row.Attachments > 0 && [
              icon('clip'),
              h('span', {class: 'unseen'}, count(row.Attachments, 'attachment')),
            ],
            shortTime(row.Created)),
          h('span', null,
            h('span', {class: 'grow subject'},
              foreign(row.Subject || '(no subject)'))),
          h('span', {class: 'small'},
            h('span', {class: 'grow'}, 'to ',
              foreign(to.length > 0 ? shortAddress(to[0]) : 'no one'), more,
              row.Snippet ? [' · ', foreign(row.Snippet)] : '')),
        ],
      };
    },
    open: (id) => go('messages', id),
    changed: (list) => {
      $('message-count').textContent = (list.all || 0).toLocaleString('en');
      $('found').textContent =
          query ? count(list.total, 'message') + ' found' : '';
      $('messages').hidden = list.total === 0;
      $('messages-empty').hidden = list.total > 0;
      $('delete-all').disabled = !list.all;
      document.title = list.all ? `(${list.all}) postern rig` : 'postern rig';
      if (list.total === 0) drawEmpty();
      if (route.view === 'messages' && !opened) nothingOpen();
      if (opened && opened.view === 'messages') list.select(opened.key);
    },
  });
  messages.markRead = (id) => {
    for (const [index, row] of messages.rows) {
      if (row.ID !== id || row.Read) continue;
      row.Read = true;
      messages.elements.get(index)?.remove();
      messages.elements.delete(index);
      messages.paint();
    }
  };
  // The message after this one in the list, or the one before it.
  messages.neighbour = (id) => {
    for (const [index, row] of messages.rows) {
      if (row.ID !== id) continue;
      const other = messages.rows.get(index + 1) || messages.rows.get(index - 1);
      return other ? other.ID : null;
    }
    return null;
  };

  const sessions = new List($('sessions'), 'Sessions', {
    load: async (start, limit) => {
      const page =
          await read(`${OURS}sessions?${new URLSearchParams({start, limit})}`);
      return {total: page.total, rows: page.sessions};
    },
    key: (row) => String(row.number),
    draw: (row) => ({
      classes: '',
      children: [
        h('span', null,
          h('span', {class: 'grow'}, `${row.number}. `,
            foreign(row.name || row.address || LOCAL_CLIENT)),
          shortTime(row.began)),
        h('span', {class: 'small'},
          h('span', {class: 'grow'},
            endOf(row), row.tls ? `, ${row.tls}` : '',
            row.user ? [', ', foreign(row.user)] : '')),
      ],
    }),
    open: (key) => go('sessions', key),
    changed: (list) => {
      $('session-count').textContent = list.total.toLocaleString('en');
      $('sessions').hidden = list.total === 0;
      $('sessions-empty').hidden = list.total > 0;
      if (list.total === 0) drawEmpty();
      if (route.view === 'sessions' && !opened) nothingOpen();
      if (opened && opened.view === 'sessions') list.select(opened.key);
    },
  });

  const lists = {messages, sessions};

  let smtpAddress = '';
  function drawEmpty() {
    $('messages-empty').replaceChildren(...(
        query ? [
          h('h3', null, 'No message matches'),
          h('p', null, 'The key ', h('kbd', null, '?'),
            ' shows what a search can contain.'),
        ] :
                [
                  h('h3', null, 'No messages yet'),
                  h('p', null, 'Send one to ',
                    smtpAddress || 'the SMTP port',
                    '. It appears here by itself.'),
                  smtpAddress && h('code', null, `swaks --server ${
                      smtpAddress} \\\n  --from you@x.example \\\n` +
                      '  --to me@y.example'),
                ].filter(Boolean)));
    $('sessions-empty').replaceChildren(
        h('h3', null, 'No sessions yet'),
        h('p', null, 'Each connection of a client is listed here, with all ' +
          'that it and the server have sent.'));
  }

  // --- Faults ---

  const STAGES = [
    ['rcpt', 'RCPT', 'Recipient'],
    ['mail', 'MAIL', 'Sender'],
    ['end', 'the reply to the message', 'Recipient'],
    ['data', 'DATA', 'Recipient'],
    ['content', 'inside the message', 'Recipient'],
    ['connect', 'the greeting', 'Client address'],
    ['ehlo', 'EHLO', 'Client name'],
    ['starttls', 'STARTTLS', ''],
    ['tls', 'the TLS handshake', ''],
    ['auth', 'AUTH', 'User'],
    ['rset', 'RSET', ''],
    ['noop', 'NOOP', ''],
    ['vrfy', 'VRFY', 'Argument'],
    ['help', 'HELP', ''],
    ['quit', 'QUIT', ''],
  ];
  const REPLIES = [
    ['refuse for now', 'reply 451 4.3.0 try again later'],
    ['refuse for good', 'reply 550 5.0.0 refused'],
    ['421, and close', 'reply 421 4.3.2 closing'],
    ['greylist', 'each times=1 reply 450 4.7.1 greylisted'],
    ['mailbox is full', 'reply 452 4.2.2 mailbox full'],
    ['wait 3 seconds', 'delay=3s'],
    ['never reply', 'stall'],
    ['close before the reply', 'close=before'],
    ['close inside the reply', 'close=inside'],
    ['close after the reply', 'close=after'],
    ['one octet at a time', 'split'],
    ['a reply that is none', 'raw nonsense\\r\\n'],
  ];
  const EFFECTS = {
    ehlo: [
      ['hide STARTTLS', 'hide=STARTTLS'], ['hide PIPELINING', 'hide=PIPELINING'],
      ['hide AUTH', 'hide=AUTH'], ...REPLIES],
    tls: [
      ['expired certificate', 'certificate=expired'],
      ['certificate for another name', 'certificate=wrong-name'],
      ['self-signed certificate', 'certificate=self-signed'],
      ['untrusted certificate', 'certificate=untrusted'],
      ['certificate that is not yet valid', 'certificate=not-yet'],
      ['close', 'close=before'], ['never answer', 'stall']],
    content: [
      ['close after 1,000 octets', 'after=1000 close=before'],
      ['stop reading for 3 seconds', 'delay=3s'],
      ['read 1,000 octets a second', 'read-rate=1000']],
  };

  function writeLine() {
    const stage = $('fault-stage').value;
    const [, , what] = STAGES.find(([name]) => name === stage);
    const pattern = what ? $('fault-for').value.trim() : '';
    const effect = $('fault-effect').value;
    const times = Number($('fault-times').value);
    $('fault-line').value = [
      stage,
      pattern && 'for=' + pattern,
      times > 0 && !effect.includes('times=') && 'times=' + times,
      effect,
    ].filter(Boolean).join(' ');
    $('fault-error').textContent = '';
  }

  function chooseStage() {
    const stage = $('fault-stage').value;
    const [, , what] = STAGES.find(([name]) => name === stage);
    $('fault-for').disabled = !what;
    $('fault-for-label').textContent = what || 'For';
    $('fault-for-note').textContent =
        what ? '* matches any characters: *@x.example' : '';
    $('fault-effect').replaceChildren(...(EFFECTS[stage] || REPLIES).map(
        ([title, line]) => h('option', {value: line}, title)));
    writeLine();
  }

  async function refreshFaults() {
    let faults;
    try {
      faults = (await read(OURS + 'faults')).faults;
    } catch (error) {
      complain(error);
      return;
    }
    const on = faults.filter((fault) => fault.on).length;
    $('fault-count').textContent = on || '';
    // The focus stays on the button that was pressed.
    const focused = document.activeElement.dataset.focus;
    $('faults').replaceChildren();
    appendAll($('faults'), faults.map(drawFault));
    if (focused && !document.activeElement.dataset.focus) {
      const again = $('faults').querySelector(
          `[data-focus="${CSS.escape(focused)}"]`);
      (again || $('faults-title')).focus();
    }
  }

  function drawFault(fault) {
    const change = (method, body) => async () => {
      try {
        await send(method, `${OURS}faults/${fault.id}`, body);
      } catch (error) {
        complain(error);
      }
      refreshFaults();
    };
    return h(
        'li', {class: fault.on ? '' : 'off'},
        h('button', {
          'type': 'button',
          'class': 'switch',
          'role': 'switch',
          'aria-checked': String(fault.on),
          'aria-label': fault.line,
          'data-focus': `switch-${fault.id}`,
          'click': change('PUT', {on: !fault.on}),
        }),
        h('code', null, foreign(fault.line)),
        h('span', {class: fault.applied > 0 && !fault.unmet ? 'met' : ''},
          fault.times ? `applied ${fault.applied} of ${count(fault.times, 'time')}` :
                        `applied ${count(fault.applied, 'time')}`),
        h('button', {
          'type': 'button',
          'class': 'quiet',
          'aria-label': 'Delete the fault ' + fault.line,
          'data-focus': `delete-${fault.id}`,
          'click': change('DELETE'),
        }, icon('delete')));
  }

  async function addFault(event) {
    event.preventDefault();
    const line = $('fault-line');
    try {
      await send('POST', OURS + 'faults', {line: line.value});
    } catch (error) {
      $('fault-error').textContent = error.message;
      line.setAttribute('aria-invalid', 'true');
      line.focus();
      return;
    }
    line.removeAttribute('aria-invalid');
    $('fault-error').textContent = '';
    announce('The fault is added');
    refreshFaults();
  }

  // --- Views ---

  let route = {view: '', key: ''};

  function go(view, key) {
    location.hash = `#/${view}` + (key ? '/' + encodeURIComponent(key) : '');
  }

  // Returns `text` without percent-encoding, or as it is if its encoding is
  // invalid. A user may have typed it.
  function decoded(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }

  // Shows what the address names: #/messages, #/messages/ID, #/sessions,
  // #/sessions/NUMBER, #/faults.
  function follow() {
    if (location.hash && !location.hash.startsWith('#/')) return;
    const [, name, key] = location.hash.split('/');
    const view = ['sessions', 'faults'].includes(name) ? name : 'messages';
    const sameView = view === route.view;
    route = {view, key: decoded(key || '')};
    for (const other of ['messages', 'sessions', 'faults']) {
      $(other + '-pane').hidden = other !== view;
    }
    for (const link of document.querySelectorAll('nav a')) {
      if (link.getAttribute('href') === '#/' + view) {
        link.setAttribute('aria-current', 'page');
      } else {
        link.removeAttribute('aria-current');
      }
    }
    $('detail').hidden = view === 'faults';
    document.querySelector('.skip').href =
        view === 'faults' ? '#faults-title' : '#' + view;
    $('main').toggleAttribute('data-open', Boolean(route.key));
    opened = null;
    if (view === 'faults') {
      refreshFaults();
      if (!sameView) $('faults-title').focus({preventScroll: true});
      return;
    }
    if (!sameView) lists[view].refresh();
    if (!route.key) {
      nothingOpen();
      lists[view].paint();
      if (goesBack) lists[view].element.focus();
    } else if (view === 'messages') {
      openMessage(route.key, !byKey);
    } else {
      openSession(route.key, !byKey);
    }
    byKey = false;
    goesBack = false;
  }
  // Whether the next message is opened by j or k: then the focus stays.
  let byKey = false;

  // --- Events of the server ---

  // Calls `task` soon, once for many calls.
  function soon(task, milliseconds) {
    let timer = 0;
    return () => {
      if (timer) return;
      timer = setTimeout(() => {
        timer = 0;
        task();
      }, milliseconds);
    };
  }

  function listen() {
    let added = 0;
    let newest = null;
    const readMessages = soon(() => {
      if (added > 0) {
        announce(
            added === 1 && newest && newest.Subject !== undefined ?
                `New message: ${newest.Subject || 'no subject'}` :
                count(added, 'new message'));
      }
      messages.refresh(query ? 0 : added);
      added = 0;
    }, 150);
    const readSessions = soon(() => {
      sessions.refresh();
      // The transcript that is shown grows.
      const panel = $('panel');
      if (opened && opened.session && panel &&
          panel.dataset.tab === 'transcript' && transcriptChanged) {
        transcriptChanged = false;
        fillTranscript(panel, opened.session).catch(complain);
      }
    }, 250);
    let transcriptChanged = false;
    const readFaults = soon(refreshFaults, 150);

    const events = new EventSource(OURS + 'events');
    const parse = (event) => {
      try {
        return JSON.parse(event.data);
      } catch {
        return null;
      }
    };
    events.addEventListener('open', () => {
      $('live').textContent = 'Live';
      $('live').dataset.state = 'live';
      // What happened without a connection is not known.
      messages.refresh();
      sessions.refresh();
      refreshFaults();
    });
    events.addEventListener('error', () => {
      $('live').textContent = 'No connection';
      $('live').dataset.state = 'error';
    });
    events.addEventListener('message', (event) => {
      ++added;
      newest = parse(event);
      readMessages();
    });
    events.addEventListener('removed', readMessages);
    events.addEventListener('changed', readMessages);
    events.addEventListener('session', (event) => {
      const session = parse(event);
      if (session && opened && opened.session === session.number) {
        transcriptChanged = true;
      }
      readSessions();
    });
    events.addEventListener('faults', readFaults);
  }

  // --- Keys, dialogs, the bar ---

  const singleKeys = () => remembered('single-keys') !== 'off';

  function onKey(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey ||
        event.altKey || document.querySelector('dialog[open]')) {
      return;
    }
    const typing = event.target.closest('input, select, textarea');
    if (event.key === 'Escape') {
      if (event.target === $('search')) {
        event.preventDefault();
        endSearch();
      } else if (route.key) {
        close();
      } else if (query && !typing) {
        endSearch();
      }
      return;
    }
    if (typing) return;
    const list = lists[route.view];
    const step = (by) => {
      if (!list || !list.move(by)) return;
      if (route.key) {
        byKey = true;
        list.openCursor();
      } else {
        list.element.focus();
      }
    };
    if (event.key === 'Delete') {
      removeMessage();
      return;
    }
    if (event.key === 'Enter' && event.target === document.body && list) {
      list.openCursor();
      return;
    }
    if (!singleKeys()) return;
    const keys = {
      'j': () => step(1),
      'k': () => step(-1),
      '#': removeMessage,
      '/': () => {
        if (route.view !== 'messages') go('messages');
        // After the pane is shown.
        setTimeout(() => {
          $('search').focus();
          $('search').select();
        });
      },
      'm': () => go('messages'),
      's': () => go('sessions'),
      'f': () => go('faults'),
      '?': () => $('help').showModal(),
    };
    if (!Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  }

  function search() {
    const now = $('search').value.trim();
    if (now === query) return;
    query = now;
    messages.clear();
    messages.refresh();
  }
  function endSearch() {
    $('search').value = '';
    search();
    $('messages').focus();
  }

  const SEARCHES = [
    ['words', 'in the subject, addresses or text'],
    ['"two words"', 'exactly'],
    ['from: to: subject:', 'in this field'],
    ['has:attachment', 'with attachments'],
    ['is:unread', 'not opened yet'],
    ['-word', 'without it'],
  ];

  function askToDeleteAll() {
    const dialog = $('confirm');
    $('confirm-text').textContent = query ?
        `All ${count(messages.all, 'message')}, not only those that the ` +
            'search has found.' :
        count(messages.all, 'message') + '.';
    dialog.returnValue = '';
    dialog.showModal();
  }

  function start() {
    const name = () => {
      const now = colours();
      $('colours-name').textContent = now[0].toUpperCase() + now.slice(1);
      $('colours').setAttribute('aria-label', `Colours: ${now}`);
    };
    name();
    $('colours').addEventListener('click', () => {
      const next =
          COLOURS[(COLOURS.indexOf(colours()) + 1) % COLOURS.length];
      remember('colours', next);
      document.documentElement.dataset.colours = next;
      name();
      announce(`Colours: ${next}`);
    });

    $('help-button').addEventListener('click', () => $('help').showModal());
    $('search-help').append(...SEARCHES.map(
        ([text, means]) => h('div', null, h('dt', null, h('code', null, text)),
                             h('dd', null, means))));
    $('single-keys').checked = singleKeys();
    $('single-keys').addEventListener('change', (event) => {
      remember('single-keys', event.target.checked ? 'on' : 'off');
    });
    document.addEventListener('keydown', onKey);
    for (const event of ['keydown', 'pointerdown']) {
      document.addEventListener(event, () => $('problem').textContent = '');
    }

    $('search-form').addEventListener('submit', (event) => {
      event.preventDefault();
      search();
      $('messages').focus();
    });
    const searchSoon = soon(search, 200);
    $('search').addEventListener('input', searchSoon);
    $('delete-all').addEventListener('click', askToDeleteAll);
    $('confirm').addEventListener('close', async () => {
      if ($('confirm').returnValue !== 'yes') return;
      try {
        await send('DELETE', '/api/v1/messages', {});
        announce('All messages are deleted');
        close();
        messages.refresh();
      } catch (error) {
        complain(error);
      }
    });

    $('fault-stage').append(...STAGES.map(
        ([stage, title]) => h('option', {value: stage}, title)));
    $('fault-stage').addEventListener('change', chooseStage);
    for (const id of ['fault-for', 'fault-effect', 'fault-times']) {
      $(id).addEventListener('input', writeLine);
    }
    $('fault-form').addEventListener('submit', addFault);
    chooseStage();

    window.addEventListener('hashchange', follow);
    follow();
    refreshFaults();
    listen();
    read(OURS + 'info')
        .then((info) => {
          smtpAddress = info.smtp;
          drawEmpty();
        })
        .catch(complain);
  }
  start();
})();
