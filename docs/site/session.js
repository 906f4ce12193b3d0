// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Shows the steps of a session one at a time. Without this script the page has
// all of them in a list.

'use strict';

// The scripts of a page share their global names.
(() => {

const walk = document.getElementById('walk');
const steps = [...walk.querySelectorAll('.step')];
let current = 0;
let single = true;

function button(text, key, act) {
  const element = document.createElement('button');
  element.type = 'button';
  element.textContent = text;
  if (key) element.setAttribute('aria-keyshortcuts', key);
  element.addEventListener('click', act);
  return element;
}

const bar = document.createElement('div');
bar.className = 'bar';
bar.setAttribute('role', 'group');
bar.setAttribute('aria-label', 'Steps');
const previous = button('Previous', 'ArrowLeft', () => show(current - 1));
const next = button('Next', 'ArrowRight', () => show(current + 1));
const place = document.createElement('span');
place.className = 'place';
place.setAttribute('role', 'status');
const all = button('Show all', '', () => {
  single = !single;
  update();
});
const keys = document.createElement('span');
keys.className = 'keys';
keys.textContent = 'Keys: ← and →';
bar.append(previous, next, place, all, keys);
walk.prepend(bar);

function update() {
  walk.classList.toggle('single', single);
  steps.forEach((step, i) => {
    step.hidden = single && i !== current;
    step.toggleAttribute('data-current', i === current);
  });
  // aria-disabled, because a button that is disabled loses the focus.
  previous.setAttribute('aria-disabled', String(current === 0));
  next.setAttribute('aria-disabled', String(current === steps.length - 1));
  place.textContent = `Step ${current + 1} of ${steps.length}`;
  // A screen reader reads the title with the number.
  const title = document.createElement('span');
  title.className = 'unseen';
  title.textContent =
      `: ${steps[current].querySelector('h2').lastChild.textContent.trim()}`;
  place.append(title);
  all.textContent = single ? 'Show all' : 'One at a time';
}

function show(index) {
  if (index < 0 || index >= steps.length || index === current) return;
  current = index;
  update();
  try {
    history.replaceState(null, '', `#${steps[current].id}`);
  } catch {
    // Chromium forbids it to pages of the disk. Only the address is missing.
  }
  if (!single) steps[current].scrollIntoView({block: 'nearest'});
}

// Takes the step from the address. Returns whether it names one.
function fromAddress() {
  const index = steps.findIndex((step) => `#${step.id}` === location.hash);
  if (index < 0) return false;
  current = index;
  return true;
}

document.addEventListener('keydown', (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey ||
      event.target.closest('input, pre')) {
    return;
  }
  const index = {
    ArrowLeft: current - 1,
    ArrowRight: current + 1,
    Home: 0,
    End: steps.length - 1,
  }[event.key];
  // Home and End belong to the page when all steps are shown.
  if (index === undefined || (!single && /Home|End/.test(event.key))) return;
  event.preventDefault();
  show(index);
});

window.addEventListener('hashchange', () => {
  if (fromAddress()) update();
});

fromAddress();
update();

})();
