"use strict";
// Shows what every byte cost, from the numbers in the elements that "facts" names. Only the rows
// that can be seen are in the document. Everything from the file goes in as text, never as markup.
(async () => {
  const $ = (id) => document.getElementById(id);
  const facts = JSON.parse($("facts").textContent);
  const PER_HEX_ROW = [16, 8, 4], SPARE = 8, MOST_HEIGHT = 8e6, TAB = 4, STRIDE = 1024;
  const NEWLINE = 10, TABULATOR = 9, RETURN = 13;
  const map = $("map"), sizer = $("sizer"), rows = $("rows"), detail = $("detail");

  // Arrays: base64 of zlib's format.

  function fromBase64(text) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
    const words = atob(text), bytes = new Uint8Array(words.length);
    for (let i = 0; i < words.length; i++) bytes[i] = words.charCodeAt(i);
    return bytes;
  }

  // For browsers without DecompressionStream: RFC 1951, two bytes of RFC 1950 before it.
  function inflateHere(input, size) {
    const out = new Uint8Array(size);
    let at = 2, hold = 0, held = 0, end = 0;
    const bits = (count) => {
      while (held < count) { hold |= input[at++] << held; held += 8; }
      const value = hold & ((1 << count) - 1);
      hold >>>= count; held -= count;
      return value;
    };
    const tree = (lengths) => {
      const counts = new Uint16Array(16), places = new Uint16Array(16), symbols = new Uint16Array(lengths.length);
      lengths.forEach((length) => { if (length) counts[length]++; });
      for (let i = 1; i < 15; i++) places[i + 1] = places[i] + counts[i];
      lengths.forEach((length, symbol) => { if (length) symbols[places[length]++] = symbol; });
      return { counts, symbols };
    };
    const next = ({ counts, symbols }) => {
      for (let length = 1, code = 0, first = 0, index = 0; length < 16; length++) {
        code |= bits(1);
        if (code - counts[length] < first) return symbols[index + code - first];
        index += counts[length];
        first = (first + counts[length]) << 1;
        code <<= 1;
      }
      throw new Error("The numbers in this page are damaged.");
    };
    const SIZES = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
    const SIZE_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
    const AWAY = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577];
    const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    const fixed = [...Array(288).keys()].map((i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8));
    const trees = (kind) => {
      if (kind === 1) return [tree(fixed), tree(Array(30).fill(5))];
      const literals = bits(5) + 257, distances = bits(5) + 1, count = bits(4) + 4, own = Array(19).fill(0);
      for (let i = 0; i < count; i++) own[ORDER[i]] = bits(3);
      const code = tree(own), lengths = [];
      while (lengths.length < literals + distances) {
        const symbol = next(code);
        if (symbol < 16) lengths.push(symbol);
        else {
          const value = symbol === 16 ? lengths[lengths.length - 1] : 0;
          const times = symbol === 16 ? 3 + bits(2) : symbol === 17 ? 3 + bits(3) : 11 + bits(7);
          for (let i = 0; i < times; i++) lengths.push(value);
        }
      }
      return [tree(lengths.slice(0, literals)), tree(lengths.slice(literals))];
    };
    for (let last = 0; !last;) {
      last = bits(1);
      const kind = bits(2);
      if (kind === 0) {
        hold = held = 0;
        const length = input[at] | input[at + 1] << 8;
        out.set(input.subarray(at + 4, at + 4 + length), end);
        at += 4 + length; end += length;
        continue;
      }
      const [literal, distance] = trees(kind);
      for (let symbol = next(literal); symbol !== 256; symbol = next(literal)) {
        if (symbol < 256) { out[end++] = symbol; continue; }
        const length = SIZES[symbol - 257] + bits(SIZE_BITS[symbol - 257]), far = next(distance);
        const from = end - AWAY[far] - bits(far > 3 ? (far >> 1) - 1 : 0);
        for (let i = 0; i < length; i++) out[end++] = out[from + i];
      }
    }
    return out;
  }

  async function read(name) {
    const element = $("array-" + name);
    if (!element) return null;
    const packed = fromBase64(element.textContent);
    element.remove(); // the text is not needed twice
    if (!window.DecompressionStream) return inflateHere(packed, facts.sizes[name]);
    const opened = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(opened).arrayBuffer());
  }

  const [data, coded, network, matched] = await Promise.all(["data", "coded", "network", "matched"].map(read));
  const size = data.length;
  const table = new Float64Array(256).map((_, code) => 2 ** (code / facts.scale) - 1);
  const NONE = 255; // of the network's numbers: it had no part
  const cost = (i) => table[coded[i]];

  // What was expected, only of bytes that cost enough: read when it is first asked for.
  let expected = null;
  async function openExpected() {
    const columns = await Promise.all(facts.experts.map((who) => read(who)));
    const before = new Uint32Array(Math.ceil(size / STRIDE) + 1);
    for (let i = 0, count = 0; i < size; i++) {
      if (i % STRIDE === 0) before[i / STRIDE] = count;
      if (coded[i] >= facts.least) count++;
    }
    return (i) => {
      if (coded[i] < facts.least) return null;
      let index = before[Math.floor(i / STRIDE)];
      for (let k = i - i % STRIDE; k < i; k++) if (coded[k] >= facts.least) index++;
      return columns.map((column, k) => ({ who: facts.names[k], list: [0, 1, 2].map((place) => [
        column[(2 * place) * facts.kept + index], column[(2 * place + 1) * facts.kept + index]]) }));
    };
  }

  // Characters.

  const utf8 = new TextDecoder("utf-8");
  const follows = (i, low = 0x80, high = 0xbf) => i < size && data[i] >= low && data[i] <= high;
  function bytesOf(i) { // bytes of the character that begins here; 1 for what is none
    const b = data[i];
    if (b < 0xc2 || b > 0xf4) return 1;
    if (b < 0xe0) return follows(i + 1) ? 2 : 1;
    if (b < 0xf0) return follows(i + 1, b === 0xe0 ? 0xa0 : 0x80, b === 0xed ? 0x9f : 0xbf) && follows(i + 2) ? 3 : 1;
    return follows(i + 1, b === 0xf0 ? 0x90 : 0x80, b === 0xf4 ? 0x8f : 0xbf) && follows(i + 2) && follows(i + 3) ? 4 : 1;
  }
  const unitSize = (i) => (facts.hex ? 1 : bytesOf(i));
  const hex = (byte) => byte.toString(16).padStart(2, "0");
  const number = (value) => value.toLocaleString("en");
  const WIDE = /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
  const THIN = /\p{M}|\p{Cf}/u;
  const HIDDEN = /[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

  function label(i, length, column) { // what a character is shown as
    const byte = data[i];
    if (length > 1) {
      const text = utf8.decode(data.subarray(i, i + length));
      return HIDDEN.test(text) ? "\\u" + text.codePointAt(0).toString(16).padStart(4, "0") : text;
    }
    if (byte === NEWLINE) return "\u21b5";
    if (byte === TABULATOR) return "\u2192".padEnd(TAB - column % TAB, " ");
    if (byte === RETURN) return "\u2190";
    return byte < 32 || byte > 126 ? "\\x" + hex(byte) : String.fromCharCode(byte);
  }
  function width(i, length, column) {
    const byte = data[i];
    if (byte === TABULATOR) return TAB - column % TAB;
    if (length === 1) return byte === NEWLINE || byte === RETURN || (byte > 31 && byte < 127) ? 1 : 4;
    const text = label(i, length, column);
    return text.length > 2 ? text.length : WIDE.test(text) ? 2 : THIN.test(text) ? 0 : 1;
  }

  // Rows: where each begins.

  let columns = 0, rowHeight = 20, starts = null, rowCount = 0;
  const rowStart = (row) => (starts ? (row < rowCount ? starts[row] : size) : Math.min(row * columns, size));
  function rowOf(place) {
    if (!starts) return Math.floor(place / columns);
    let low = 0, high = rowCount - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle] <= place) low = middle; else high = middle - 1;
    }
    return low;
  }

  function cutText() {
    let found = new Uint32Array(1024), count = 1, column = 0, space = 0, start = 0;
    for (let i = 0; i < size;) {
      const byte = data[i], length = byte < 0x80 ? 1 : bytesOf(i);
      const wide = byte >= 32 && byte < 127 ? 1 : width(i, length, column);
      if (column + wide > columns && byte !== NEWLINE && i > start) {
        const at = space > start + columns / 2 ? space : i; // behind a space, if there is one
        if (count === found.length) { const more = new Uint32Array(2 * count); more.set(found); found = more; }
        found[count++] = start = at;
        column = 0;
        if (at < i) { i = at; continue; }
      }
      i += length;
      column += wide;
      if (byte === 32) space = i;
      if (byte === NEWLINE && i < size) {
        if (count === found.length) { const more = new Uint32Array(2 * count); more.set(found); found = more; }
        found[count++] = start = i;
        column = 0;
      }
    }
    starts = found.subarray(0, count);
    rowCount = count;
  }

  function measure() { // returns whether rows are to be cut anew
    const probe = document.createElement("div");
    probe.className = "row";
    probe.textContent = "0".repeat(50);
    probe.style.width = "max-content";
    rows.append(probe);
    const box = probe.getBoundingClientRect();
    probe.remove();
    rowHeight = box.height || 20;
    const room = Math.max(8, Math.floor((map.clientWidth - 16) / (box.width / 50 || 8)));
    // A row of n bytes in hexadecimal: the position, 3 columns a byte, and n characters.
    const wanted = facts.hex ? PER_HEX_ROW.find((n) => 10 + 4 * n <= room) || 4 : Math.min(room, 120);
    const other = wanted !== columns;
    columns = wanted;
    return other;
  }

  function layOut() {
    const place = chosen < 0 ? rowStart(Math.floor(top)) : chosen;
    if (measure()) {
      if (facts.hex) rowCount = Math.ceil(size / columns); else cutText();
      sizer.style.height = Math.min(rowCount * rowHeight, MOST_HEIGHT) + "px";
      scrollToRow(rowOf(place), chosen < 0 ? 0 : 0.4);
    }
    draw();
  }

  // The rows that can be seen.

  let top = 0, set = -1, chosen = -1; // first row seen, where we scrolled to, first byte chosen
  const seen = () => Math.max(1, map.clientHeight / rowHeight);
  const isScaled = () => rowCount * rowHeight > MOST_HEIGHT;
  const most = () => Math.max(0, rowCount - Math.floor(seen()));

  function scrollToRow(row, share) {
    top = Math.min(Math.max(0, row - Math.floor(seen() * share)), most());
    map.scrollTop = isScaled() ? (top / Math.max(1, most())) * (MOST_HEIGHT - map.clientHeight) : top * rowHeight;
    set = map.scrollTop;
  }
  function scrolled() {
    if (map.scrollTop !== set) {
      top = isScaled()
        ? Math.round((map.scrollTop / (MOST_HEIGHT - map.clientHeight)) * most())
        : map.scrollTop / rowHeight;
      set = -1;
    }
    draw();
  }

  const colour = (bits) => facts.limits.filter((limit) => bits >= limit).length;
  const shades = { // by what is shown: a class for the mean of some bytes
    coded: (i) => cost(i),
    network: (i) => (network[i] === NONE ? cost(i) : table[network[i]]),
    gain: (i) => (network[i] === NONE ? 0 : table[network[i]] - cost(i)),
  };
  function shade(start, length) {
    const of = shades[$("shown").value];
    let sum = 0;
    for (let i = start; i < start + length; i++) sum += of(i);
    const mean = sum / length;
    if ($("shown").value !== "gain") return "c" + colour(mean);
    return mean < 0 ? "w" + Math.min(3, colour(-mean)) : "g" + Math.min(4, colour(mean));
  }
  function make(tag, text, parent, name) {
    const element = document.createElement(tag);
    if (text) element.textContent = text;
    if (name) element.className = name;
    parent.append(element);
    return element;
  }
  function span(row, start, length, text) {
    const own = start <= chosen && chosen < start + length ? " chosen" : "";
    make("span", text, row, shade(start, length) + own).start = start;
  }

  function draw() {
    const first = Math.max(0, Math.floor(top) - SPARE), last = Math.min(rowCount, Math.ceil(top + seen()) + SPARE);
    const all = document.createDocumentFragment();
    for (let r = first; r < last; r++) {
      const row = make("div", "", all, "row"), end = rowStart(r + 1);
      if (facts.hex) {
        make("i", rowStart(r).toString(16).padStart(8, "0"), row);
        for (let i = rowStart(r); i < end; i++) span(row, i, 1, hex(data[i]));
        const words = [...data.subarray(rowStart(r), end)].map((b) => (b > 31 && b < 127 ? String.fromCharCode(b) : "\u00b7"));
        make("b", words.join(""), row);
        continue;
      }
      row.dir = "auto";
      for (let i = rowStart(r), column = 0; i < end;) {
        const length = bytesOf(i);
        span(row, i, length, label(i, length, column));
        column += width(i, length, column);
        i += length;
      }
    }
    rows.replaceChildren(all);
    rows.style.top = (isScaled() ? map.scrollTop - (top - first) * rowHeight : first * rowHeight) + "px";
    const from = rowStart(Math.floor(top)), to = rowStart(Math.min(rowCount, Math.floor(top + seen())));
    const mark = $("mark");
    mark.setAttribute("x", (1000 * from) / size);
    mark.setAttribute("width", Math.max(3, (1000 * (to - from)) / size));
    $("place").value = chosen < 0 ? from : chosen;
    $("place").setAttribute("aria-valuetext", "byte " + number(chosen < 0 ? from : chosen));
  }

  // One character in detail.

  const named = { 9: "tab", 10: "newline", 13: "return", 32: "space" };
  const name = (byte) => named[byte] || (byte > 32 && byte < 127 ? String.fromCharCode(byte) : "0x" + hex(byte));
  const bits = (value) => value.toFixed(2) + (value.toFixed(2) === "1.00" ? " bit" : " bits");
  const copyOf = (i) => facts.copies.find(([start, length]) => start <= i && i < start + length);
  function matchWords(i) {
    const code = matched[i];
    if (!code) return "no match";
    const low = (code - 1) >> 1, length = low < 2 ? String(low) : (2 ** (low - 1)) + " to " + (2 ** low - 1);
    return "a match of " + length + " bytes so far " + ((code - 1) & 1 ? "expected it" : "expected another byte");
  }

  async function show(start) {
    const length = unitSize(start);
    const said = document.createDocumentFragment();
    const what = facts.hex || length === 1 ? name(data[start]) : label(start, length, 0);
    make("h3", "Byte " + number(start) + (length > 1 ? " to " + number(start + length - 1) : "") + ": " + what, said);
    const find = await (expected ||= openExpected()); // once, however fast one chooses
    for (let i = start; i < start + length; i++) {
      const list = make("ul", "", said);
      const both = network && network[i] !== NONE ? "; network alone " + bits(table[network[i]]) : "";
      make("li", name(data[i]) + ": cost " + bits(cost(i)) + both, list);
      const copy = copyOf(i);
      if (copy) { make("li", "copied: " + number(copy[1]) + " bytes from byte " + number(copy[2]) + " on", list); continue; }
      make("li", matchWords(i), list);
      const experts = find(i);
      if (!experts) make("li", "it was what was expected most", list);
      else experts.filter(({ list: top3 }) => top3[0][1]).forEach(({ who, list: top3 }) => {
        const words = top3.filter(([, chance]) => chance).map(([byte, chance]) => name(byte) + " " + chance + "%");
        make("li", who + " expected " + words.join(", "), list);
      });
    }
    if (start === chosen) detail.replaceChildren(said);
  }

  function choose(place, move = true) {
    place = Math.min(Math.max(0, place), size - 1);
    const row = rowOf(place);
    let start = rowStart(row);
    while (start + unitSize(start) <= place) start += unitSize(start);
    chosen = start;
    if (move === true || row < top || row >= Math.floor(top + seen())) scrollToRow(row, move === true ? 0.4 : row < top ? 0 : 0.9);
    draw();
    $("byte").value = start;
    try { history.replaceState(null, "", "#byte=" + start); } catch { /* not allowed here */ }
    return show(start);
  }

  // Keys, pointer, address.

  function before(place) {
    let row = rowOf(place);
    if (rowStart(row) === place && row > 0) row--;
    let start = rowStart(row);
    while (start + unitSize(start) < place) start += unitSize(start);
    return start;
  }
  function inRow(row) { // as far right in another row
    row = Math.min(Math.max(0, row), rowCount - 1);
    let from = rowStart(rowOf(chosen)), to = rowStart(row);
    const end = rowStart(row + 1);
    while (from < chosen && to + unitSize(to) < end) { from += unitSize(from); to += unitSize(to); }
    return to;
  }
  function costly(step) {
    let i = chosen;
    do { i += step; } while (i >= 0 && i < size && cost(i) < facts.limits[facts.limits.length - 1]);
    return i < 0 || i >= size ? chosen : i;
  }
  const page = () => Math.max(1, Math.floor(seen()) - 1);
  const keys = {
    ArrowRight: () => chosen + unitSize(chosen),
    ArrowLeft: () => before(chosen),
    ArrowDown: () => inRow(rowOf(chosen) + 1),
    ArrowUp: () => inRow(rowOf(chosen) - 1),
    PageDown: () => inRow(rowOf(chosen) + page()),
    PageUp: () => inRow(rowOf(chosen) - page()),
    Home: () => 0,
    End: () => size - 1,
    n: () => costly(1),
    p: () => costly(-1),
  };
  map.addEventListener("keydown", (event) => {
    if (!(event.key in keys) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    choose(chosen < 0 ? rowStart(Math.floor(top)) : keys[event.key](), event.key.length === 1);
  });
  rows.addEventListener("click", (event) => { if (event.target.start !== undefined) choose(event.target.start, false); });
  map.addEventListener("scroll", () => requestAnimationFrame(scrolled), { passive: true });
  map.addEventListener("wheel", (event) => { // a long map is scaled, and would fly past
    if (!isScaled() || event.ctrlKey) return;
    event.preventDefault();
    scrollToRow(top + Math.round(event.deltaY / (event.deltaMode ? 1 : rowHeight)), 0);
    draw();
  }, { passive: false });
  $("place").addEventListener("input", (event) => choose(Number(event.target.value)));
  $("go").addEventListener("submit", (event) => { event.preventDefault(); choose(Number($("byte").value)); });
  $("shown").addEventListener("change", draw);
  if (!network) $("shown").parentElement.hidden = true;

  const chart = $("chart");
  function point(event) {
    const box = chart.getBoundingClientRect();
    choose(Math.floor(((event.clientX - box.left) / box.width) * size));
  }
  chart.addEventListener("pointerdown", (event) => { chart.setPointerCapture(event.pointerId); point(event); });
  chart.addEventListener("pointermove", (event) => { if (event.buttons) point(event); });

  $("search").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = $("words").value, wanted = new TextEncoder().encode(text);
    const found = wanted.length ? find(wanted, chosen + 1, size) : -1;
    const place = found < 0 && wanted.length ? find(wanted, 0, chosen + 1) : found;
    if (place < 0) $("found").textContent = text ? "not found" : "";
    else { $("found").textContent = "byte " + number(place); choose(place); }
  });
  function find(wanted, from, to) {
    for (let i = data.indexOf(wanted[0], from); i >= 0 && i < to; i = data.indexOf(wanted[0], i + 1)) {
      let k = 1;
      while (k < wanted.length && data[i + k] === wanted[k]) k++;
      if (k === wanted.length) return i;
    }
    return -1;
  }

  $("save").addEventListener("click", () => {
    const parts = ["position,byte,bits" + (network ? ",network_bits" : "") + "\n"];
    for (let at = 0; at < size; at += 65536) {
      const lines = [];
      for (let i = at; i < Math.min(size, at + 65536); i++) {
        const alone = network ? "," + (network[i] === NONE ? "" : table[network[i]].toFixed(2)) : "";
        lines.push(i + "," + data[i] + "," + cost(i).toFixed(2) + alone + "\n");
      }
      parts.push(lines.join(""));
    }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(parts, { type: "text/csv" }));
    link.download = "costs.csv";
    link.click();
    URL.revokeObjectURL(link.href);
  });

  function fromAddress() {
    const wanted = /^#byte=(\d+)$/.exec(location.hash);
    if (!wanted) return;
    choose(Number(wanted[1]));
    $("explorer").scrollIntoView({ block: "nearest" });
  }
  window.addEventListener("hashchange", () => { fromAddress(); map.focus({ preventScroll: true }); });
  new ResizeObserver(layOut).observe(map);
  layOut();
  fromAddress();
  document.body.dataset.ready = "yes";
})();
