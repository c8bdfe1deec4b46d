"use strict";
// Draws the surprise map from the numbers in the element "facts". Everything from the file goes
// in as text, never as markup.
(() => {
  const facts = JSON.parse(document.getElementById("facts").textContent);
  const raw = (name) => Uint8Array.from(atob(facts.arrays[name]), (c) => c.charCodeAt(0));
  const pairs = (name) => { const r = raw(name); return Array.from({ length: r.length / 2 }, (_, i) => r[2 * i] + 256 * r[2 * i + 1]); };
  const data = raw("data"), units = raw("units"), coded = pairs("coded");
  const network = facts.arrays.network ? pairs("network") : null;
  const planes = raw("planes");
  const experts = ["network", "mixer"].filter((who) => facts.arrays[who + "_top"]).map(
    (who) => ({ who: who, top: raw(who + "_top"), chances: raw(who + "_chances") }));
  const map = document.getElementById("map"), detail = document.getElementById("detail");
  const utf8 = new TextDecoder("utf-8");
  const starts = [], spans = [];

  const hex = (byte) => byte.toString(16).padStart(2, "0");
  const named = { 9: "tab", 10: "newline", 13: "return", 32: "space" };
  const name = (byte) => named[byte] || (byte > 32 && byte < 127 ? String.fromCharCode(byte) : "0x" + hex(byte));
  const bits = (value) => (value / facts.unit).toFixed(2);
  const colour = (value) => facts.limits.filter((limit) => value / facts.unit >= limit).length;
  const make = (tag, text, parent) => { const e = document.createElement(tag); e.textContent = text; parent.append(e); return e; };

  function label(start, length) {
    if (facts.hex) return hex(data[start]);
    const byte = data[start];
    if (byte === 10) return "\u21b5\n";
    if (byte === 9) return "\t";
    if (byte === 13) return "\u240d";
    if (byte < 32 || byte === 127 || (length === 1 && byte > 127)) return "\\x" + hex(byte);
    return utf8.decode(data.subarray(start, start + length));
  }

  function draw() {
    const all = document.createDocumentFragment();
    let start = 0;
    units.forEach((length, index) => {
      if (facts.hex && start % 16 === 0) all.append((start ? "\n" : "") + start.toString(16).padStart(8, "0") + "  ");
      let cost = 0;
      for (let i = start; i < start + length; i++) cost += coded[i];
      const span = make("span", label(start, length), all);
      span.className = "c" + colour(cost / length);
      span.dataset.unit = index;
      if (facts.hex) all.append(" ");
      starts.push(start);
      spans.push(span);
      start += length;
    });
    map.append(all);
  }

  function row(table, words) {
    const line = make("tr", "", table);
    words.forEach((word) => make("td", word, line));
  }

  function show(unit) {
    if (!(unit in starts)) return;
    document.querySelectorAll(".chosen").forEach((e) => e.classList.remove("chosen"));
    spans[unit].classList.add("chosen");
    detail.textContent = "";
    const table = make("table", "", detail);
    for (let i = starts[unit]; i < starts[unit] + units[unit]; i++) {
      const words = ["byte " + i.toLocaleString("en"), name(data[i]), "cost " + bits(coded[i]) + " bits"];
      row(table, network ? words.concat("network alone " + bits(network[i])) : words);
      experts.filter((expert) => expert.chances[3 * i]).forEach((expert) => {
        const list = [0, 1, 2].map((k) => name(expert.top[3 * i + k]) + " " + (expert.chances[3 * i + k] / 2.55).toFixed(0) + "%");
        row(table, [expert.who + " expected"].concat(list));
      });
      const given = [...planes.subarray(8 * i, 8 * i + 8)].map((p) => (p / 2.55).toFixed(0) + "%");
      row(table, [facts.mixed ? "its 8 bits, by the mixer" : "its 8 bits", given.join(" ")]);
    }
  }

  function chosen(event) {
    const unit = event.target.dataset && event.target.dataset.unit;
    if (unit !== undefined) show(Number(unit));
  }

  function fromAddress() {
    const wanted = /^#byte=(\d+)$/.exec(location.hash);
    if (!wanted) return;
    let unit = starts.findIndex((start) => start > Number(wanted[1]));
    unit = (unit < 0 ? starts.length : unit) - 1;
    show(unit);
    spans[unit].scrollIntoView({ block: "center" });
  }

  draw();
  map.addEventListener("mouseover", chosen);
  map.addEventListener("click", chosen);
  window.addEventListener("hashchange", fromAddress);
  fromAddress();
})();
