/**
 * The program of the page that draws a walk: a timeline in SVG that zooms and moves by wheel,
 * pointer, buttons and keys. The one idea: it stands in the page as text, asks no network and needs
 * no library; without it the page still has the whole walk as a table.
 */

/** Plain JavaScript; it reads the walk from the element `walk`. */
export const WALK_SCRIPT = `'use strict';
(() => {
  const SVG = 'http://www.w3.org/2000/svg';
  const WIDTH = 1000, LANE = 56, TOP = 26, HEIGHT = 128, MARK_TOP = 90;
  const SPAN_MIN = 10;
  const walk = JSON.parse(document.getElementById('walk').textContent);
  const box = document.getElementById('timeline');
  const said = document.getElementById('shown');
  const whole = { from: walk.from, upto: Math.max(walk.upto, walk.from + SPAN_MIN) };
  let view = { ...whole };
  let chosen = -1;

  const make = (name, fields, text) => {
    const node = document.createElementNS(SVG, name);
    for (const key of Object.keys(fields)) node.setAttribute(key, String(fields[key]));
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const titled = (node, text) => {
    node.appendChild(make('title', {}, text));
    return node;
  };
  const iso = (at) => new Date(at).toISOString();
  const xOf = (at) => ((at - view.from) / (view.upto - view.from)) * WIDTH;
  const isSeen = (from, upto) => upto >= view.from && from <= view.upto;

  const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5,
    6e5, 9e5, 18e5, 36e5, 72e5, 108e5, 216e5, 432e5, 864e5, 6048e5, 2592e6, 7776e6, 31536e6];
  const stepFor = (span) => STEPS.find((step) => span / step <= 8) || STEPS[STEPS.length - 1];
  const tickText = (at, step) => {
    const text = iso(at);
    if (step >= 864e5) return text.slice(0, 10);
    if (step >= 6e4) return text.slice(11, 16);
    return step >= 1e3 ? text.slice(11, 19) : text.slice(11, 23);
  };

  const drawAxis = (svg) => {
    const step = stepFor(view.upto - view.from);
    for (let at = Math.ceil(view.from / step) * step; at <= view.upto; at += step) {
      const x = xOf(at);
      svg.appendChild(make('line', { x1: x, x2: x, y1: 18, y2: HEIGHT, class: 'tick' }));
      svg.appendChild(make('text', { x: x + 3, y: 13, class: 'tick' }, tickText(at, step)));
    }
  };
  const drawSpell = (svg, spell, index) => {
    if (!isSeen(spell.from, spell.upto)) return;
    const left = Math.max(0, xOf(spell.from));
    const width = Math.max(1.5, Math.min(WIDTH, xOf(spell.upto)) - left);
    const text = spell.state + ' from ' + iso(spell.from) + ' to ' + iso(spell.upto) +
      (spell.cause === '' ? '' : ': ' + spell.cause);
    const group = make('g', { class: 'spell', 'data-spell': index });
    const shape = { x: left, y: TOP, width, height: LANE, class: 'state-' + spell.state };
    group.appendChild(titled(make('rect', shape), text));
    if (width > 7 * spell.state.length) {
      const at = { x: left + 6, y: TOP + 18, class: 'name' };
      group.appendChild(make('text', at, spell.state));
    }
    svg.appendChild(group);
  };
  const drawStep = (svg, step, index) => {
    if (!isSeen(step.at, step.at)) return;
    const fields = { cx: xOf(step.at), cy: TOP + LANE - 10, r: index === chosen ? 7 : 4.5 };
    const text = step.event + ' at ' + iso(step.at) + ': ' + step.cause;
    const dot = make('circle', { ...fields, class: index === chosen ? 'step chosen' : 'step' });
    dot.addEventListener('click', () => choose(index, true));
    svg.appendChild(titled(dot, text));
  };
  const drawMark = (svg, mark) => {
    if (!isSeen(mark.at, mark.at)) return;
    const x = xOf(mark.at);
    const path = 'M' + (x - 5) + ' ' + (MARK_TOP + 12) + 'h10l-5 -10z';
    svg.appendChild(titled(make('path', { d: path, class: 'mark' }), mark.text));
  };

  const draw = () => {
    const svg = make('svg', { viewBox: '0 0 ' + WIDTH + ' ' + HEIGHT, role: 'img' });
    svg.appendChild(make('title', {}, 'Timeline of ' + walk.kind + ' ' + walk.name));
    drawAxis(svg);
    walk.spells.forEach((spell, index) => drawSpell(svg, spell, index));
    walk.steps.forEach((step, index) => drawStep(svg, step, index));
    walk.marks.forEach((mark) => drawMark(svg, mark));
    box.replaceChildren(svg);
    const count = walk.steps.filter(({ at }) => isSeen(at, at)).length;
    said.textContent = iso(view.from) + ' to ' + iso(view.upto) + ', ' + count + ' of ' +
      walk.steps.length + ' events';
  };

  const show = (from, span) => {
    const wide = Math.min(whole.upto - whole.from, Math.max(SPAN_MIN, span));
    const first = Math.min(Math.max(from, whole.from), whole.upto - wide);
    view = { from: first, upto: first + wide };
    draw();
  };
  const zoom = (factor, at) => {
    const span = view.upto - view.from;
    const share = (at - view.from) / span;
    show(at - share * span * factor, span * factor);
  };
  const move = (share) => {
    const span = view.upto - view.from;
    show(view.from + share * span, span);
  };
  const middle = () => (view.from + view.upto) / 2;
  const acts = {
    in: () => zoom(0.5, middle()),
    out: () => zoom(2, middle()),
    left: () => move(-0.25),
    right: () => move(0.25),
    all: () => show(whole.from, whole.upto - whole.from),
  };
  const rows = [...document.querySelectorAll('tbody tr')];
  const choose = (index, scrolls) => {
    chosen = index;
    rows.forEach((row, at) => row.classList.toggle('chosen', at === index));
    if (scrolls && rows[index]) rows[index].scrollIntoView({ block: 'nearest' });
    const { at } = walk.steps[index];
    if (isSeen(at, at)) draw();
    else show(at - (view.upto - view.from) / 2, view.upto - view.from);
  };

  document.querySelectorAll('[data-act]').forEach((button) => {
    button.addEventListener('click', () => acts[button.dataset.act]());
  });
  const KEYS = { '+': 'in', '=': 'in', '-': 'out', '0': 'all', ArrowLeft: 'left',
    ArrowRight: 'right' };
  box.addEventListener('keydown', (event) => {
    const act = KEYS[event.key];
    if (act === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    acts[act]();
  });
  const atOf = (event) => {
    const { left, width } = box.getBoundingClientRect();
    return view.from + ((event.clientX - left) / width) * (view.upto - view.from);
  };
  box.addEventListener('wheel', (event) => {
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.25 : 0.8, atOf(event));
  }, { passive: false });
  let held;
  box.addEventListener('pointerdown', (event) => {
    held = { x: event.clientX, from: view.from };
  });
  addEventListener('pointerup', () => { held = undefined; });
  addEventListener('pointermove', (event) => {
    if (held === undefined) return;
    const span = view.upto - view.from;
    const moved = ((event.clientX - held.x) / box.getBoundingClientRect().width) * span;
    show(held.from - moved, span);
  });
  rows.forEach((row, index) => row.addEventListener('click', () => choose(index, false)));
  document.getElementById('controls').hidden = false;
  draw();
})();
`;
