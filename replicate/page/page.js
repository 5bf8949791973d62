// The status page: asks the mirror for a summary every 2 s, and for the parts of its tables that are
// shown. Every name and word comes from outside and goes into the page as text, never as HTML.
"use strict";

const POLL_MS = 2000;
const REQUEST_TIMEOUT_MS = 10000;
const PAGE_ROWS = 50;
const MOST_SAMPLES = 300; // 10 minutes
const STATES = ["mirroring", "caught_up", "consumers_moved", "producers_moved", "drained", "proved", "stopped"];

const by = (id) => document.getElementById(id);

// element("td", {class: "number"}, "text" or element, ...)
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "onclick") made.addEventListener("click", value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

async function ask(path) {
  const control = new AbortController();
  const timer = setTimeout(() => control.abort(), REQUEST_TIMEOUT_MS);
  try {
    const answer = await fetch(path, {cache: "no-store", signal: control.signal});
    if (!answer.ok) throw new Error("status " + answer.status);
    return await answer.json();
  } finally {
    clearTimeout(timer);
  }
}

// ---- numbers and times for people ----

function short(number) {
  const units = ["", "k", "M", "G", "T"];
  let unit = 0;
  while (Math.abs(number) >= (unit === 0 ? 999.5 : 999.95) && unit + 1 < units.length) {
    number /= 1000;
    unit += 1;
  }
  return number.toFixed(unit === 0 ? 0 : 1) + units[unit];
}
const whole = (number) => (number === null ? "\u2013" : Number(number).toLocaleString("en"));
const clock = (time) => (time === null ? "" : new Date(time).toLocaleTimeString());
const seconds = (ms) => (ms / 1000).toFixed(1) + " s";

// ---- tables ----

// columns: [{name, number, cell(row) -> text or element}]
function table(columns, rows, nothing) {
  if (rows.length === 0) return element("p", {class: "quiet"}, nothing);
  const head = element("tr", {}, ...columns.map(
    (column) => element("th", {scope: "col", class: column.number ? "number" : null}, column.name)));
  const lines = rows.map((row) => element("tr", {}, ...columns.map((column) => {
    const value = column.cell(row);
    return element("td", {"data-label": column.name, class: column.number ? "number" : null},
      ...(value === null || value === "" ? [] : [value]));
  })));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...lines));
}

// A table of which one page is asked for at a time. address(offset) is where it comes from.
class Listing {
  constructor(id, address, columns, nothing) {
    this.place = by(id);
    this.address = address;
    this.columns = columns;
    this.nothing = nothing;
    this.offset = 0;
    this.asked = 0;
    this.shown = "";
  }

  async refresh() {
    const turn = ++this.asked;
    const got = await ask(this.address(this.offset));
    if (turn !== this.asked) return; // another one was asked for meanwhile
    if (this.offset >= got.total && this.offset > 0) {
      this.offset = Math.max(0, (Math.ceil(got.total / PAGE_ROWS) - 1) * PAGE_ROWS);
      return this.refresh();
    }
    const text = JSON.stringify(got);
    if (text === this.shown) return; // nothing moves under the reader's eyes
    this.shown = text;
    const focus = this.place.contains(document.activeElement) ? document.activeElement.id : "";
    this.place.replaceChildren(table(this.columns, got.rows, this.nothing), this.pager(got.total));
    if (focus && by(focus)) by(focus).focus();
  }

  restart() {
    this.offset = 0;
    return this.refresh().catch(() => {}); // the next round tells
  }

  pager(total) {
    if (total <= PAGE_ROWS) return element("p", {class: "quiet"}, total === 0 ? "" : total + " in all");
    const move = (by_rows) => () => {
      this.offset = Math.max(0, this.offset + by_rows);
      this.refresh().catch(() => {});
    };
    const last = Math.min(total, this.offset + PAGE_ROWS);
    return element("p", {class: "controls"},
      element("button", {type: "button", id: this.place.id + "-back", onclick: move(-PAGE_ROWS),
        disabled: this.offset === 0 ? "" : null}, "Back"),
      element("span", {}, (this.offset + 1) + " to " + last + " of " + total),
      element("button", {type: "button", id: this.place.id + "-on", onclick: move(PAGE_ROWS),
        disabled: last >= total ? "" : null}, "On"));
  }
}

const PHASE_CLASS = {quarantined: "bad", copying: "good"};
const phase = (row) => element("span", {class: PHASE_CLASS[row.phase] || "warn"}, row.phase);
const mode = (row) => (row.identity ? "identity" : "translate");

const PARTITION_COLUMNS = [
  {name: "Partition", cell: (row) => row.topic + "-" + row.partition},
  {name: "Phase", cell: phase},
  {name: "Lag", number: true, cell: (row) => whole(row.lag)},
  {name: "Position", number: true, cell: (row) => whole(row.position)},
  {name: "End", number: true, cell: (row) => whole(row.source_end_offset)},
  {name: "Offsets", cell: mode},
  {name: "Why", cell: (row) => row.reason},
];

let open_topic = null;

function topic_phase(row) {
  const count = row.phases[row.worst];
  const text = count === row.partitions ? row.worst : row.worst + " " + count;
  return element("span", {class: PHASE_CLASS[row.worst] || "warn"}, text);
}

function topic_mode(row) {
  if (row.identity_partitions === row.partitions) return "identity";
  if (row.identity_partitions === 0) return "translate";
  return "translate " + (row.partitions - row.identity_partitions);
}

const find = (id) => "&q=" + encodeURIComponent(by(id).value);
const page = (offset) => "?offset=" + offset + "&limit=" + PAGE_ROWS;

const topics = new Listing("topics",
  (offset) => "status/topics" + page(offset) + "&order=" + by("topics-order").value + find("topics-find"), [
    {name: "Topic", cell: (row) => element("button", {type: "button", class: "link", onclick: () => show_topic(row.topic),
      "aria-label": "partitions of " + row.topic}, row.topic)},
    {name: "Partitions", number: true, cell: (row) => whole(row.partitions)},
    {name: "Lag", number: true, cell: (row) => whole(row.lag)},
    {name: "Records", number: true, cell: (row) => whole(row.records)},
    {name: "Phase", cell: topic_phase},
    {name: "Offsets", cell: topic_mode},
    {name: "Why", cell: (row) => row.reason},
  ], "no topic");
const partitions = new Listing("partitions",
  (offset) => "status/partitions" + page(offset) + "&topic=" + encodeURIComponent(open_topic),
  PARTITION_COLUMNS, "no partition");
const groups = new Listing("groups", (offset) => "status/groups" + page(offset) + find("groups-find"), [
  {name: "Group", cell: (row) => row.group},
  {name: "State", cell: (row) => element("span",
    {class: row.attention ? "bad" : row.state === "synced" || row.state === "moved" ? "good" : "warn"}, row.state)},
  {name: "Offsets", number: true, cell: (row) => whole(row.partitions)},
  {name: "On the target", number: true, cell: (row) => whole(row.synced_partitions)},
  {name: "Last synced", cell: (row) => clock(row.synced_at)},
  {name: "Why", cell: (row) => row.reason},
], "no group");

function show_topic(topic) {
  open_topic = topic;
  by("partitions-section").hidden = false;
  by("partitions-title").textContent = "Partitions of " + topic;
  by("partitions").replaceChildren();
  partitions.shown = "";
  partitions.restart();
  by("partitions-title").focus();
}

function hide_topic() {
  open_topic = null;
  by("partitions-section").hidden = true;
}

// ---- what the summary shows ----

function show_state(summary) {
  const over = summary.cutover !== null && summary.cutover.state === "stopped";
  const well = summary.problems.length === 0;
  const badge = by("state");
  badge.className = "badge " + (well ? "good" : "bad");
  badge.textContent = well ? (over ? "the move is over" : "well") : "needs attention";
  by("flow").textContent = summary.flow;
  document.title = (well ? "" : "! ") + summary.flow + " \u00b7 kferry";
  by("about").textContent = summary.source.alias + " (" + (summary.source.cluster_id || "no id") + ") to " +
    summary.target.alias + " (" + (summary.target.cluster_id || "no id") + "), process " + summary.instance +
    " since " + new Date(summary.started_at).toLocaleString() + ", kferry " + summary.tool_version +
    "; as of " + clock(summary.taken_at);
}

function show_attention(summary) {
  by("attention").hidden = summary.problems.length === 0;
  by("problems").replaceChildren(...summary.problems.map((problem) => element("li", {}, problem)));
  const stuck = summary.stuck;
  const parts = stuck.length === 0 ? [] : [table(PARTITION_COLUMNS, stuck, "")];
  const left = summary.stuck_total - stuck.length;
  if (left > 0) parts.push(element("p", {class: "quiet"}, "and " + left + " more: see the topics"));
  by("stuck").replaceChildren(...parts);
}

function show_cards(summary) {
  const all = summary.summary;
  const rates = summary.rates;
  const cards = [
    ["Lag, records", short(all.lag)],
    ["Copied, records/s", rates === null ? "\u2013" : short(rates.records_per_second)],
    ["Copied, bytes/s", rates === null ? "\u2013" : short(rates.bytes_per_second)],
    ["Partitions copying", all.phases.copying + "/" + all.partitions],
    ["With the source's offsets", all.identity_partitions + "/" + all.partitions],
    ["Groups synced", all.synced_groups + "/" + all.groups],
    ["Quarantined", String(all.phases.quarantined)],
  ];
  by("cards").replaceChildren(...cards.map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, value))));
  by("progress").value = summary.percent;
  by("progress").textContent = summary.percent + "%";
}

function show_cutover(summary) {
  const cutover = summary.cutover;
  by("cutover").hidden = cutover === null;
  if (cutover === null) return;
  const reached = new Map(cutover.history.map((one) => [one.state, one.at]));
  by("steps").replaceChildren(...STATES.map((state) => {
    const now = state === cutover.state;
    const at = reached.get(state);
    return element("li", {class: at ? "done" : null, "aria-current": now ? "step" : null},
      state.replaceAll("_", " "), ...(at ? [element("small", {}, clock(at))] : []));
  }));
  by("waiting").textContent = cutover.waiting === null ? "" : "Waiting for: " + cutover.waiting;
  const columns = [
    {name: "Moved group", cell: (row) => row.group},
    {name: "Moved at", cell: (row) => clock(row.moved_at)},
    {name: "At work on the target", cell: (row) => clock(row.alive_at)},
    {name: "Without consumers", number: true, cell: (row) => (row.pause_ms === null ? "" : seconds(row.pause_ms))},
  ];
  by("moved").replaceChildren(...(cutover.groups.length === 0 ? [] : [table(columns, cutover.groups, "")]));
}

// ---- charts ----

const samples = []; // {at, lag, copied, published}

function remember(summary) {
  const rates = summary.rates || {records_per_second: 0, published_per_second: 0};
  samples.push({at: Date.parse(summary.taken_at), lag: summary.summary.lag,
    copied: Math.max(0, rates.records_per_second), published: Math.max(0, rates.published_per_second)});
  if (samples.length > MOST_SAMPLES) samples.shift();
}

function line(values, most, kind) {
  const from = samples[0].at;
  const span = Math.max(1, samples[samples.length - 1].at - from);
  const points = samples.map((sample, i) =>
    (300 * (sample.at - from) / span).toFixed(1) + "," + (97 - 94 * values[i] / most).toFixed(1));
  const drawn = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  drawn.setAttribute("points", points.join(" "));
  if (kind) drawn.setAttribute("class", kind);
  return drawn;
}

function draw() {
  const lags = samples.map((sample) => sample.lag);
  const copied = samples.map((sample) => sample.copied);
  const published = samples.map((sample) => sample.published);
  const most_lag = Math.max(1, ...lags);
  const most_rate = Math.max(1, ...copied, ...published);
  by("lag-chart").replaceChildren(line(lags, most_lag));
  by("rate-chart").replaceChildren(line(copied, most_rate), line(published, most_rate, "second"));
  const now = samples.length - 1;
  by("lag-caption").textContent = "lag: " + short(lags[now]) + " records now, " + short(most_lag) + " at most";
  by("rate-caption").textContent =
    short(copied[now]) + " and " + short(published[now]) + " now, " + short(most_rate) + " at most";
  by("lag-chart").setAttribute("aria-label", by("lag-caption").textContent);
  by("rate-chart").setAttribute("aria-label", "records copied and written per second: " + by("rate-caption").textContent);
}

// ---- the round ----

let last_answer = null;

function show_silence(error) {
  by("state").className = "badge bad";
  by("state").textContent = "no answer";
  const since = last_answer === null ? "" : " since " + last_answer.toLocaleTimeString();
  by("about").textContent = "The mirror does not answer" + since + " (" + error.message +
    "). What is shown below is old. `kferry status` says whether another process goes on.";
}

async function round() {
  const summary = await ask("status/summary");
  last_answer = new Date();
  show_state(summary);
  show_attention(summary);
  show_cards(summary);
  show_cutover(summary);
  remember(summary);
  draw();
  await topics.refresh();
  await groups.refresh();
  if (open_topic !== null) await partitions.refresh();
}

async function go_on() {
  if (!document.hidden) await round().catch(show_silence);
  setTimeout(go_on, POLL_MS);
}

let typing = null;
function after_typing(listing) {
  return () => {
    clearTimeout(typing);
    typing = setTimeout(() => listing.restart(), 250);
  };
}
by("topics-find").addEventListener("input", after_typing(topics));
by("groups-find").addEventListener("input", after_typing(groups));
by("topics-order").addEventListener("change", () => topics.restart());
by("partitions-close").addEventListener("click", hide_topic);
go_on();
