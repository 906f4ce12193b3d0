// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Finds titles, headings and options. INDEX is in search-index.js.

'use strict';

// The scripts of a page share their global names.
(() => {

const form = document.querySelector('form.search');
const field = form.querySelector('input');
const found = form.querySelector('.found');
const results = form.querySelector('.results');
const root = document.body.dataset.root;
const MOST = 12;

// Returns the entries that contain all words, the best ones first: those that
// begin with the text, then titles of pages, then short ones.
function search(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [];
  const rated = [];
  for (const [title, page, address] of INDEX) {
    const whole = `${title} ${page}`.toLowerCase();
    if (!words.every((word) => whole.includes(word))) continue;
    const begins =
        title.toLowerCase().replace(/^-+/, '').startsWith(
            words[0].replace(/^-+/, ''));
    rated.push(
        [(begins ? 0 : 1000) + (page ? 500 : 0) + title.length,
         {title, page, address}]);
  }
  rated.sort((a, b) => a[0] - b[0]);
  return rated.map(([, entry]) => entry);
}

function update() {
  const entries = search(field.value);
  results.replaceChildren(...entries.slice(0, MOST).map((entry) => {
    const link = document.createElement('a');
    link.href = root + entry.address;
    link.textContent = entry.title;
    if (entry.page) {
      const page = document.createElement('span');
      page.textContent = entry.page;
      link.append(' ', page);
    }
    const item = document.createElement('li');
    item.append(link);
    return item;
  }));
  results.hidden = entries.length === 0;
  found.textContent = !field.value.trim() ? '' :
      entries.length === 0                ? 'Nothing found' :
      entries.length > MOST ? `${entries.length} found, the first ${MOST}:` :
                              `${entries.length} found:`;
  form.classList.toggle('open', found.textContent !== '');
}

function close() {
  field.value = '';
  update();
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  results.querySelector('a')?.click();
});
field.addEventListener('input', update);
form.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') {
    close();
    field.focus();
    return;
  }
  const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
  if (!step) return;
  event.preventDefault();
  const stops = [field, ...results.querySelectorAll('a')];
  stops[stops.indexOf(document.activeElement) + step]?.focus();
});
form.addEventListener('focusout', (event) => {
  if (event.relatedTarget && !form.contains(event.relatedTarget)) close();
});
results.addEventListener('click', (event) => {
  if (event.target.closest('a')) setTimeout(close);
});
document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey ||
      event.target.closest('input')) {
    return;
  }
  event.preventDefault();
  field.focus();
});
form.hidden = false;

})();
