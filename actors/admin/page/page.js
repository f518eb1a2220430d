// The operator's page: asks the service every two seconds and shows what it tells.
//
// Names come from clients. They reach the page as text only: everything is made with createElement
// and textContent.
"use strict";

const pause_ms = 2000;
const svg_names = "http://www.w3.org/2000/svg";
const by_id = (id) => document.getElementById(id);

let token = "";
let breaking_since = []; // countdowns that are shown: {element, ring, until, total}

function make(name, text, attributes = {}) {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function make_svg(name, attributes, text) {
  const element = document.createElementNS(svg_names, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

function set_status(text, is_bad) {
  const status = by_id("status");
  if (status.textContent !== text) status.textContent = text; // a screen reader reads changes alone
  status.classList.toggle("bad", is_bad);
}

async function ask(path, body) {
  const headers = {};
  if (token) headers.Authorization = "Bearer " + token;
  const request = { headers, cache: "no-store" };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    headers["X-Leasebreak-Action"] = "1";
    request.method = "POST";
    request.body = JSON.stringify(body);
  }
  const answer = await fetch(path, request);
  by_id("token-form").hidden = answer.status !== 401;
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error.message);
  return told;
}

const who = (client) => client.label || "client " + client.client;
const file_name = (o) => (o.share ? o.share + "/" : "") + (o.path || "file " + o.file);
const kept = (state) => (state === "none" ? "nothing" : state);
const seconds = (n) => (n < 60 ? n.toFixed(1) + " s" : Math.floor(n / 60) + " min " + Math.floor(n % 60) + " s");

function make_ring(left, total) {
  const ring = make_svg("svg", { class: "ring", viewBox: "0 0 44 44", role: "img" });
  ring.append(make_svg("circle", { cx: 22, cy: 22, r: 19 }));
  const arc = make_svg("circle", { class: "left", cx: 22, cy: 22, r: 19, pathLength: 1 });
  const number = make_svg("text", { x: 22, y: 22 }, "");
  ring.append(arc, number);
  breaking_since.push({ ring, arc, number, until: performance.now() + left * 1000, total });
  return ring;
}

function count_down() {
  for (const c of breaking_since) {
    const left = Math.max(0, (c.until - performance.now()) / 1000);
    if (c.arc) c.arc.setAttribute("stroke-dasharray", Math.min(1, left / c.total) + " 1");
    c.number.textContent = !c.arc ? seconds(left) : left < 100 ? left.toFixed(0) + " s" : (left / 60).toFixed(0) + " min";
    if (c.ring) c.ring.setAttribute("aria-label", left.toFixed(0) + " seconds left");
  }
}

function show_waits(waits, breaks) {
  by_id("waits-none").hidden = waits.length !== 0;
  by_id("waits").replaceChildren(...waits.map((wait) => {
    const line = make("li");
    const holder = wait.holder;
    // The holder's break, whose end lets the operation go on; else the operation's own end.
    const held = breaks.find((b) => b.file === wait.file && holder && b.client === holder.client);
    const left = held ? held.breaking.seconds_left : wait.seconds_left;
    const since = held ? held.breaking.seconds : wait.seconds;
    if (left === undefined) line.append(make("span", "no limit"));
    else line.append(make_ring(left, left + since));
    const words = make("div");
    words.append(make("strong", file_name(wait)));
    words.append(make("div", who(wait.waiter) + " waits for " + (holder ? who(holder) : "a client that is not known")));
    words.append(make("p", held
      ? "The holder has " + held.state + " and was told to keep " + kept(held.breaking.to) + " " + seconds(since) + " ago."
      : "Waits to " + wait.operation + " for " + seconds(wait.seconds) + "."));
    line.append(words);
    if (held) {
      const button = make("button", "Break …", { type: "button" });
      button.addEventListener("click", () => confirm_break(wait));
      line.append(button);
    }
    return line;
  }));
}

function show_breaks(breaks) {
  by_id("breaks-none").hidden = breaks.length !== 0;
  const table = by_id("breaks");
  table.hidden = breaks.length === 0;
  table.tBodies[0].replaceChildren(...breaks.map((b) => {
    const row = make("tr");
    const left = make("td", "", { "data-label": "Left" });
    const add = (label, text) => row.append(make("td", text, { "data-label": label }));
    add("File", file_name(b));
    add("Holder", who(b));
    add("Holds", b.state);
    add("Told to keep", kept(b.breaking.to));
    const number = make("span", "");
    left.append(number);
    row.append(left);
    breaking_since.push({ number, until: performance.now() + b.breaking.seconds_left * 1000, total: 1 });
    return row;
  }));
}

function quantile_us(counts, q) {
  const all = counts.reduce((sum, n) => sum + n, 0);
  let seen = 0;
  for (let i = 0; i < counts.length; ++i) {
    seen += counts[i];
    if (all !== 0 && seen >= q * all) return 2 ** i;
  }
  return 0;
}

function show_numbers(stats) {
  const numbers = [
    ["Clients", stats.clients], ["Opens", stats.opens_now], ["Waiting", stats.waiting_now],
    ["Breaking", stats.breaking_now], ["Breaks that timed out", stats.breaks_by_outcome[2]],
    ["Store's backlog", stats.store_backlog], ["Store's lag", (stats.store_lag_us / 1e6).toFixed(1) + " s"],
    ["Store", stats.store_failing ? "fails" : "works", stats.store_failing],
  ];
  by_id("numbers").replaceChildren(...numbers.map(([name, value, is_bad]) => {
    const pair = make("div");
    pair.append(make("dt", name), make("dd", String(value), is_bad ? { class: "bad" } : {}));
    return pair;
  }));
  const counts = stats.break_latency_us_log2;
  const most = Math.max(...counts, 1);
  by_id("latency").replaceChildren(...counts.map((n, i) => make_svg("rect", {
    x: i * 10, width: 8, y: 80 - (76 * n) / most, height: n === 0 ? 0 : Math.max(1, (76 * n) / most) })));
  const total = counts.reduce((sum, n) => sum + n, 0);
  const ms = (us) => (us < 1000 ? us + " µs" : us < 1e6 ? (us / 1000).toFixed(0) + " ms" : (us / 1e6).toFixed(1) + " s");
  by_id("latency-figure").hidden = total === 0;
  by_id("latency-text").textContent =
    "How long breaks took: " + total + " in all, half of them below " + ms(quantile_us(counts, 0.5)) +
      ", 99 of 100 below " + ms(quantile_us(counts, 0.99)) + ".";
}

async function confirm_break(wait) {
  try {
    const tried = await ask("/api/v1/break", { file: wait.file, dry_run: true });
    by_id("confirm-title").textContent = "Break " + file_name(tried) + "?";
    by_id("confirm-lost").replaceChildren(...tried.holders.map((h) => make("li", who(h) + " holds " + h.state + (h.breaking
      ? " and does not answer: it loses what it caches and has not written." : " and will be asked to give it up."))));
    by_id("confirm-waiting").textContent = tried.waiting === 1 ? "1 operation waits for it." : tried.waiting + " operations wait for it.";
    const dialog = by_id("confirm");
    dialog.returnValue = "cancel";
    dialog.onclose = async () => {
      if (dialog.returnValue !== "break") return;
      try {
        await ask("/api/v1/break", { file: wait.file });
        await look();
      } catch (error) {
        set_status("The break failed: " + error.message, true);
      }
    };
    dialog.showModal();
  } catch (error) {
    set_status("Cannot break: " + error.message, true);
  }
}

async function look() {
  const waits = (await ask("/api/v1/waits")).waits;
  const breaks = (await ask("/api/v1/breaks")).entries;
  const stats = await ask("/api/v1/stats");
  const focused = document.activeElement && document.activeElement.closest("#waits li");
  const index = focused ? [...by_id("waits").children].indexOf(focused) : -1;
  breaking_since = [];
  show_waits(waits, breaks);
  show_breaks(breaks);
  show_numbers(stats);
  count_down();
  const again = index < 0 ? null : by_id("waits").children[index];
  if (again && again.querySelector("button")) again.querySelector("button").focus();
  set_status(waits.length === 0 ? "Nobody waits." : waits.length === 1 ? "1 operation waits." : waits.length + " operations wait.", false);
}

async function go_on() {
  try {
    await look();
  } catch (error) {
    set_status(by_id("token-form").hidden ? "No answer: " + error.message : "A token is needed.", true);
  }
  setTimeout(go_on, pause_ms);
}

by_id("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  token = by_id("token").value;
  look().catch(() => set_status("The token is not accepted.", true));
});
setInterval(count_down, 250);
go_on();
