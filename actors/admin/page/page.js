// The operator's page: asks the service when events say that something has changed, or every two
// seconds without events, and shows what it tells.
//
// The stream of events is read with fetch, because an EventSource cannot send the token.
//
// Names come from clients. They reach the page as text only: everything is made with createElement
// and textContent.
"use strict";

const pause_ms = 2000;
const live_pause_ms = 10000; // numbers change without events
const gap_ms = 250; // between two looks
const svg_names = "http://www.w3.org/2000/svg";
const by_id = (id) => document.getElementById(id);

let token = "";
let is_live = false;
let listens = false;
let timer = 0;
let is_looking = false;
let looks_again = false;
let breaking_since = []; // times that are shown: {number, begun}, or countdowns {number, until, total, ring, arc}

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

function make_headers() {
  return token ? { Authorization: "Bearer " + token } : {};
}

async function ask(path, body) {
  const headers = make_headers();
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
  if (answer.status === 501) return null; // the host does not offer it
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

/// Text with the time that has passed, which the page keeps up to date.
function make_elapsed(before, since, after) {
  const text = make("p", before);
  const number = make("span", "");
  text.append(number, after);
  breaking_since.push({ number, begun: performance.now() - since * 1000 });
  return text;
}

function count_down() {
  for (const c of breaking_since) {
    if (c.begun !== undefined) {
      c.number.textContent = seconds((performance.now() - c.begun) / 1000);
      continue;
    }
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
    words.append(held
      ? make_elapsed("The holder has " + held.state + " and was told to keep " + kept(held.breaking.to) + " ", since, " ago.")
      : make_elapsed("It has waited for ", wait.seconds, " (" + wait.operation + ")."));
    line.append(words);
    if (held) {
      const button = make("button", "Break …", { type: "button" });
      button.addEventListener("click", () => confirm_break(wait));
      line.append(button);
    }
    return line;
  }));
}

/// A row of a table: a cell under each title, with a text or an element.
function make_row(table, cells) {
  const row = make("tr");
  const titles = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  for (const [i, content] of cells.entries()) {
    const cell = make("td", undefined, { "data-label": titles[i] });
    cell.append(content);
    row.append(cell);
  }
  return row;
}

function show_breaks(breaks) {
  by_id("breaks-none").hidden = breaks.length !== 0;
  const table = by_id("breaks");
  table.hidden = breaks.length === 0;
  table.tBodies[0].replaceChildren(...breaks.map((b) => {
    const number = make("span", "");
    breaking_since.push({ number, until: performance.now() + b.breaking.seconds_left * 1000, total: 1 });
    return make_row(table, [file_name(b), who(b), b.state, kept(b.breaking.to), number]);
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
    ["Breaking", stats.breaking_now], ["Overdue breaks", stats.breaks_overdue, stats.breaks_overdue !== 0],
    ["Unresponsive clients", stats.clients_unresponsive, stats.clients_unresponsive !== 0], ["Breaks that timed out", stats.breaks_by_outcome[2]],
    ["Store's backlog", stats.store_backlog], ["Store's lag", (stats.store_lag_us / 1e6).toFixed(1) + " s"],
    ["Store", stats.store_failing ? "fails" : "works", stats.store_failing],
  ];
  by_id("numbers").replaceChildren(...numbers.map(([name, value, is_bad]) => {
    const pair = make("div");
    pair.append(make("dt", name), make("dd", String(value), is_bad ? { class: "bad" } : {}));
    return pair;
  }));
  show_latency(stats.break_latency_us_log2);
}

const us_words = (us) => (us < 1000 ? us + " µs" : us < 1e6 ? (us / 1000).toFixed(0) + " ms" : (us / 1e6).toFixed(1) + " s");

function show_latency(counts) {
  const total = counts.reduce((sum, n) => sum + n, 0);
  by_id("latency-figure").hidden = total === 0;
  if (total === 0) return;
  // The buckets that have something, and one more on each side.
  const first = Math.max(0, counts.findIndex((n) => n !== 0) - 1);
  const last = Math.min(counts.length - 1, counts.length - [...counts].reverse().findIndex((n) => n !== 0));
  const width = 100 / (last - first + 1);
  const most = Math.max(...counts);
  const quantiles = [["p50", quantile_us(counts, 0.5)], ["p99", quantile_us(counts, 0.99)]];
  by_id("latency").replaceChildren(...counts.slice(first, last + 1).map((n, i) => make_svg("rect", {
    x: (i + 0.1) * width, width: 0.8 * width, y: 80 - (76 * n) / most, height: n === 0 ? 0 : Math.max(1, (76 * n) / most) })));
  const marks = quantiles.map(([name, us], i) => {
    const mark = make("span", undefined, { class: "mark" });
    mark.append(make("span", name));
    mark.style.left = (Math.log2(us) - first + 1) * width + "%"; // the upper bound of its bucket
    mark.style.top = 1.4 * i + "rem";
    return mark;
  });
  by_id("chart").replaceChildren(by_id("latency"), ...marks);
  by_id("ticks").replaceChildren(make("span", us_words(first === 0 ? 0 : 2 ** (first - 1))), make("span", us_words(2 ** last)));
  by_id("latency-text").textContent = "How long breaks took: " + total + " in all, half of them below " +
    us_words(quantiles[0][1]) + " (p50), 99 of 100 below " + us_words(quantiles[1][1]) + " (p99).";
}

function show_top_of(name, top, name_of) {
  const table = by_id(name);
  table.hidden = top.length === 0;
  table.tBodies[0].replaceChildren(...top.map((one) => {
    const about = one.error_seconds > 0 ? "at most " : "";
    return make_row(table, [name_of(one), about + seconds(one.seconds), String(one.count)]);
  }));
}

function show_top(blockers, files) {
  by_id("top-none").hidden = blockers.length + files.length !== 0;
  by_id("top").hidden = blockers.length + files.length === 0;
  show_top_of("blockers", blockers, who);
  show_top_of("files", files, file_name);
}

function show_cluster(cluster) {
  by_id("cluster").hidden = cluster.stage === "none";
  const is_member = cluster.stage === "member";
  by_id("cluster-stage").textContent = !is_member ? "This server serves no clients: it is " + cluster.stage + "."
    : cluster.name + " serves " + cluster.served + " of " + cluster.slots + " slots, in view " + cluster.view + ".";
  by_id("cluster-stage").classList.toggle("bad", !is_member);
  const table = by_id("cluster-servers");
  table.hidden = cluster.servers.length === 0;
  table.tBodies[0].replaceChildren(...cluster.servers.map((server) => {
    const state = make("span", server.silent ? "silent" : "heard", server.silent ? { class: "bad" } : {});
    return make_row(table, [server.name, String(server.slots), state, server.address]);
  }));
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

/// Empty if the host does not offer events.
async function get_top(what) {
  const told = await ask("/api/v1/top?of=" + what + "&limit=5");
  return told === null ? [] : told.top;
}

async function look() {
  const waits = (await ask("/api/v1/waits")).waits;
  const breaks = (await ask("/api/v1/breaks")).entries;
  const stats = await ask("/api/v1/stats");
  show_top(await get_top("blockers"), await get_top("files"));
  show_cluster(await ask("/api/v1/cluster"));
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

/// Looks now, or once more after the look in progress.
async function go_on() {
  clearTimeout(timer);
  if (is_looking) {
    looks_again = true;
    return;
  }
  is_looking = true;
  looks_again = false;
  try {
    await look();
    listen();
  } catch (error) {
    set_status(by_id("token-form").hidden ? "No answer: " + error.message : "A token is needed.", true);
  }
  is_looking = false;
  timer = setTimeout(go_on, looks_again ? gap_ms : is_live ? live_pause_ms : pause_ms);
}

function set_live(live) {
  is_live = live;
  by_id("live").textContent = live ? "Live" : "Every 2 s";
  by_id("live").classList.toggle("on", live);
}

/// Reads events until the stream ends. Each says that it is time to look.
async function listen() {
  if (listens) return;
  listens = true;
  try {
    const answer = await fetch("/api/v1/events", { headers: make_headers(), cache: "no-store" });
    if (!answer.ok || !answer.body) throw new Error("no events");
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    set_live(true);
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      text = (text + value).slice(-100000);
      const end = text.lastIndexOf("\n\n");
      if (end < 0) continue;
      if (/^event: /m.test(text.slice(0, end))) go_on();
      text = text.slice(end + 2);
    }
  } catch (error) {
    // The next look says what is wrong, and tries again.
  }
  set_live(false);
  listens = false;
}

by_id("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  token = by_id("token").value;
  go_on();
});
setInterval(count_down, 250);
go_on();
