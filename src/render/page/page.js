"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const ROW = 22, HEAD = 22;
  const traces = [...document.querySelectorAll("script.trace")];
  const details = [...document.querySelectorAll("script.details")];
  const rows = $("rows"), space = $("space"), overview = $("overview"), panel = $("details");
  let trace, visible, place, folded, selected = -1, hits = [], hit = -1, from = 0, to = 1, needle = "";

  // ---- the trace ----

  /** The index of a trace, with what follows from it. Spans stand in the order of the tree, parents before children. */
  function load(number) {
    const it = JSON.parse(traces[number].textContent);
    const count = it.parent.length;
    it.count = count;
    it.depth = new Int32Array(count);
    it.end = new Int32Array(count);
    it.deepest = 0;
    for (let i = 0; i < count; i++) {
      it.depth[i] = it.parent[i] < 0 ? 0 : it.depth[it.parent[i]] + 1;
      it.deepest = Math.max(it.deepest, it.depth[i]);
      it.end[i] = i + 1;
    }
    for (let i = count - 1; i >= 0; i--) if (it.parent[i] >= 0) it.end[it.parent[i]] = Math.max(it.end[it.parent[i]], it.end[i]);
    it.failed = new Set(it.error);
    it.onPath = new Set(it.path);
    it.gapOf = new Map(it.gap.map(([i, ns, via]) => [i, { ns, via }]));
    it.overhangOf = new Map(it.overhang);
    it.orphans = new Set(it.orphan);
    it.lines = null;
    it.number = number;
    return it;
  }

  function lines() {
    if (!trace.lines) trace.lines = details[trace.number].textContent.trim().split("\n");
    return trace.lines;
  }
  const detail = (i) => JSON.parse(lines()[i]);

  function show(number) {
    trace = load(number);
    folded = new Set();
    [selected, hits, hit, from, to] = [-1, [], -1, 0, Math.max(1, trace.duration_ns)];
    panel.hidden = true;
    $("title").textContent = trace.count ? label(0) : "Trace";
    const facts = $("facts");
    facts.replaceChildren(
      element("b", trace.trace_id), ` · ${time(trace.duration_ns)} · ${counted(trace.count, "span")} · ${counted(trace.services.length, "service")} · `,
      element("span", counted(trace.error.length, "error"), trace.error.length ? "bad" : ""), ` · ${instant(0)}`);
    $("error").disabled = !trace.error.length;
    arrange();
    rows.scrollTop = 0;
    paint();
    if (needle) search();
  }

  const counted = (n, what) => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;
  const service = (i) => trace.services[trace.service[i]];
  const name = (i) => trace.names[trace.name[i]];
  const resource = (i) => trace.names[trace.resource[i]];
  const label = (i) => `${service(i)}: ${name(i)}${resource(i) && resource(i) !== name(i) ? " " + resource(i) : ""}`;

  function time(ns) {
    const sign = ns < 0 ? "-" : "";
    ns = Math.abs(ns);
    for (const [unit, size] of [["s", 1e9], ["ms", 1e6], ["µs", 1e3]]) {
      if (ns >= size) return sign + Number((ns / size).toPrecision(4)) + " " + unit;
    }
    return sign + ns + " ns";
  }

  /** A moment of the trace, to the nanosecond. */
  function instant(ns) {
    const at = BigInt(trace.start_ns) + BigInt(Math.round(ns));
    const ms = at / 1000000n, rest = at % 1000000n;
    const date = new Date(Number(ms));
    return isNaN(date) ? at + " ns" : date.toISOString().slice(0, -1) + String(rest).padStart(6, "0") + "Z";
  }

  // ---- drawing ----

  function element(tag, text, kind) {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  }

  /** Colours are those of services, or of operations where there is only one service. */
  const hues = new Map();
  function hue(i) {
    const text = trace.services.length > 1 ? service(i) : name(i);
    if (!hues.has(text)) {
      let hash = 2166136261;
      for (const c of text) hash = Math.imul(hash ^ c.codePointAt(0), 16777619) >>> 0;
      hues.set(text, ((hash >>> 7) % 24) * 15);
    }
    return hues.get(text);
  }

  /** Which rows there are: all spans but those below a folded one. */
  function arrange() {
    const list = [];
    for (let i = 0; i < trace.count; i = folded.has(i) ? trace.end[i] : i + 1) list.push(i);
    visible = list;
    place = new Int32Array(trace.count).fill(-1);
    list.forEach((i, at) => { place[i] = at; });
    space.style.height = list.length * ROW + "px";
    rows.setAttribute("aria-rowcount", String(list.length));
  }

  let drawing = 0;
  function paint() {
    if (!drawing) drawing = requestAnimationFrame(() => { drawing = 0; drawRows(); drawOverview(); });
  }

  const pool = [];
  function rowElement(at) {
    while (pool.length <= at) {
      const row = element("div", undefined, "row");
      row.setAttribute("role", "row");
      const names = element("div", undefined, "names");
      names.setAttribute("role", "gridcell");
      const fold = element("button", "", "fold");
      fold.tabIndex = -1;
      const chip = element("span", "", "chip");
      const text = element("span", "", "label");
      names.append(fold, chip, text);
      const cell = element("div", undefined, "time");
      cell.setAttribute("role", "gridcell");
      const gap = element("div", "", "gap"), bar = element("div", "", "bar"), length = element("span", "", "length");
      cell.append(gap, bar, length);
      row.append(names, cell);
      row.parts = { names, fold, chip, text, gap, bar, length, cell };
      fold.addEventListener("click", (event) => { event.stopPropagation(); toggle(row.span); });
      row.addEventListener("click", () => { choose(row.span); open(); });
      space.append(row);
      pool.push(row);
    }
    return pool[at];
  }

  function drawRows() {
    const first = Math.max(0, Math.floor(rows.scrollTop / ROW) - 4);
    const count = Math.ceil(rows.clientHeight / ROW) + 8;
    const last = Math.min(visible.length, first + count);
    const marked = new Set(hits);
    for (let at = first; at < last; at++) drawRow(rowElement(at - first), visible[at], at, marked);
    for (let at = Math.max(0, last - first); at < pool.length; at++) pool[at].hidden = true, pool[at].style.display = "none";
    ticks();
  }

  function drawRow(row, i, at, marked) {
    const { names, fold, chip, text, gap, bar, length } = row.parts;
    row.span = i;
    row.id = "span-" + i;
    row.hidden = false;
    row.style.display = "";
    row.style.top = at * ROW + "px";
    row.className = "row" + (trace.failed.has(i) ? " error" : "") + (marked.has(i) ? " hit" : "") + (trace.onPath.has(i) ? " path" : "");
    row.setAttribute("aria-selected", String(i === selected));
    row.setAttribute("aria-level", String(trace.depth[i] + 1));
    row.setAttribute("aria-rowindex", String(at + 1));
    const parent = trace.end[i] > i + 1;
    if (parent) row.setAttribute("aria-expanded", String(!folded.has(i))); else row.removeAttribute("aria-expanded");
    names.style.paddingLeft = 4 + Math.min(trace.depth[i], 40) * 12 + "px";
    fold.textContent = parent ? (folded.has(i) ? "▶" : "▼") : "";
    fold.setAttribute("aria-label", folded.has(i) ? "Unfold" : "Fold");
    fold.disabled = !parent;
    chip.style.background = bar.style.background = `hsl(${hue(i)} var(--saturation) var(--lightness))`;
    const marks = (trace.failed.has(i) ? "! " : "") + (trace.orphans.has(i) ? "(parent missing) " : "");
    const other = resource(i) !== name(i) ? resource(i) : "";
    text.replaceChildren(marks + name(i) + " ", element("span", other, "resource"), element("span", ` ${service(i)}`, "service"));
    text.title = label(i);
    const span = to - from, share = (ns) => (ns - from) / span * 100;
    const left = share(trace.start[i]), right = share(trace.start[i] + Math.max(0, trace.duration[i]));
    const shown = right >= 0 && left <= 100;
    bar.style.display = shown ? "" : "none";
    if (shown) {
      bar.style.left = Math.max(-1, left) + "%";
      bar.style.width = Math.max(0, Math.min(101, right) - Math.max(-1, left)) + "%";
    }
    const between = trace.gapOf.get(i);
    gap.style.display = between ? "" : "none";
    if (between) {
      const begin = share(trace.start[i] - between.ns);
      gap.style.left = Math.max(0, begin) + "%";
      gap.style.width = Math.max(0, left - Math.max(0, begin)) + "%";
      gap.title = `${time(between.ns)} after its parent had ended${between.via ? ", by " + between.via : ""}`;
    }
    length.textContent = time(trace.duration[i]) + (between ? ` · gap ${time(between.ns)}` : "") + (trace.overhangOf.has(i) ? ` · ends ${time(trace.overhangOf.get(i))} late` : "");
    const before = right > 72;
    length.style.left = before ? "" : Math.max(0, Math.min(100, right)) + "%";
    length.style.right = before ? Math.max(0, 100 - Math.max(0, left)) + "%" : "";
    const inside = before && left < 25;
    if (inside) { length.style.right = ""; length.style.left = Math.max(0, left) + "%"; }
    length.className = inside ? "length inside" : "length";
    row.setAttribute("aria-label", `${marks}${label(i)}, ${time(trace.duration[i])}, at ${time(trace.start[i])}`);
  }

  function ticks() {
    const step = Math.pow(10, Math.floor(Math.log10((to - from) / 4 || 1)));
    const unit = [1, 2, 5, 10].map((n) => n * step).find((n) => (to - from) / n <= 6) || step * 10;
    const made = [];
    for (let at = Math.ceil(from / unit) * unit; at < to && made.length < 12; at += unit) {
      const tick = element("span", time(at));
      tick.style.left = (at - from) / (to - from) * 100 + "%";
      made.push(tick);
    }
    $("ticks").replaceChildren(...made);
  }

  function drawOverview() {
    const width = overview.clientWidth, height = overview.clientHeight, scale = window.devicePixelRatio || 1;
    overview.width = width * scale;
    overview.height = height * scale;
    const pen = overview.getContext("2d");
    pen.scale(scale, scale);
    const style = getComputedStyle(document.documentElement);
    const [saturation, lightness, bad, line] = ["--saturation", "--lightness", "--error", "--focus"].map((key) => style.getPropertyValue(key));
    const step = Math.max(1, Math.min(14, (height - 8) / (trace.deepest + 1)));
    const whole = Math.max(1, trace.duration_ns);
    // Of spans that fall on one pixel of a level the first is drawn; errors are drawn over all.
    const drawn = new Int32Array(trace.deepest + 1).fill(-1);
    for (let i = 0; i < trace.count; i++) {
      const x = trace.start[i] / whole * width, w = Math.max(1, trace.duration[i] / whole * width), y = 4 + trace.depth[i] * step;
      if (y > height || (x + w | 0) <= drawn[trace.depth[i]]) continue;
      drawn[trace.depth[i]] = x + w | 0;
      pen.fillStyle = `hsl(${hue(i)} ${saturation} ${lightness})`;
      pen.fillRect(x, y, w, Math.max(1, step - 1));
    }
    pen.fillStyle = bad;
    for (const i of trace.error.slice(0, 20000)) pen.fillRect(trace.start[i] / whole * width, 4 + trace.depth[i] * step, Math.max(2, trace.duration[i] / whole * width), 2);
    pen.strokeStyle = line;
    if (selected >= 0) pen.strokeRect(trace.start[selected] / whole * width, 4 + trace.depth[selected] * step, Math.max(3, trace.duration[selected] / whole * width), Math.max(2, step));
    pen.strokeRect(from / whole * width + .5, .5, Math.max(2, (to - from) / whole * width - 1), height - 1);
  }

  // ---- what one can do ----

  const say = (text) => { $("said").textContent = text; };

  function toggle(i) {
    if (folded.has(i)) folded.delete(i); else if (trace.end[i] > i + 1) folded.add(i);
    arrange();
    paint();
  }

  /** Makes a span the chosen one, unfolds what hides it, and brings it into view. */
  function choose(i) {
    if (i < 0 || i >= trace.count) return;
    let hidden = false;
    for (let above = trace.parent[i]; above >= 0; above = trace.parent[above]) hidden = folded.delete(above) || hidden;
    if (hidden) arrange();
    selected = i;
    const top = place[i] * ROW, view = rows.clientHeight - HEAD;
    if (top < rows.scrollTop) rows.scrollTop = top;
    else if (top + ROW > rows.scrollTop + view) rows.scrollTop = top + ROW - view;
    const end = trace.start[i] + trace.duration[i];
    if (end < from || trace.start[i] > to) zoom(from + (trace.start[i] - (from + to) / 2), to + (trace.start[i] - (from + to) / 2));
    rows.setAttribute("aria-activedescendant", "span-" + i);
    say(label(i) + ", " + time(trace.duration[i]) + (trace.failed.has(i) ? ", error" : ""));
    if (!panel.hidden) open();
    paint();
  }

  function zoom(begin, end) {
    const whole = Math.max(1, trace.duration_ns), length = Math.min(whole, Math.max(10, end - begin));
    from = Math.min(Math.max(0, begin), whole - length);
    to = from + length;
    paint();
  }
  function zoomBy(factor, at = (from + to) / 2) {
    const length = (to - from) * factor, share = (at - from) / (to - from);
    zoom(at - length * share, at - length * share + length);
  }

  function search() {
    needle = $("search").value.trim().toLowerCase();
    hits = [];
    if (needle) {
      const fits = (text) => text.toLowerCase().includes(needle);
      const services = trace.services.map(fits), names = trace.names.map(fits), all = lines();
      for (let i = 0; i < trace.count; i++) {
        if (services[trace.service[i]] || names[trace.name[i]] || names[trace.resource[i]] || fits(all[i])) hits.push(i);
      }
    }
    hit = -1;
    $("next").disabled = $("previous").disabled = !hits.length;
    $("hits").textContent = needle ? counted(hits.length, "hit") : "";
    if (hits.length) step(1, false); else paint();
  }

  function step(by, aloud = true) {
    if (!hits.length) return;
    hit = (hit + by + hits.length) % hits.length;
    $("hits").textContent = `${(hit + 1).toLocaleString("en")} of ${counted(hits.length, "hit")}`;
    choose(hits[hit]);
    if (!aloud) say("");
  }

  function nextError() {
    if (!trace.error.length) return;
    choose(trace.error.find((i) => i > selected) ?? trace.error[0]);
  }

  // ---- details ----

  function table(title, pairs) {
    pairs = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
    if (!pairs.length) return [];
    const made = element("table");
    for (const [key, value] of pairs) {
      const row = element("tr"), head = element("th", key);
      head.scope = "row";
      row.append(head, element("td", typeof value === "object" ? JSON.stringify(value) : String(value)));
      made.append(row);
    }
    return title ? [element("h3", title), made] : [made];
  }
  const both = (hex) => (hex ? `${hex} (${BigInt("0x" + hex)})` : null);

  function open() {
    if (selected < 0) return;
    const i = selected, it = detail(i), close = element("button", "×", "close");
    close.setAttribute("aria-label", "Close details");
    close.addEventListener("click", () => { panel.hidden = true; rows.focus(); paint(); });
    const between = trace.gapOf.get(i);
    const parts = [close, element("h2", it.name), element("div", it.service + (it.resource !== it.name ? " · " + it.resource : ""), "service")];
    if (it.error) {
      parts.push(element("h3", "Error", "bad"), element("div", [it.error.type, it.error.message].filter(Boolean).join(": ") || "no message"));
      if (it.error.stack) parts.push(element("pre", it.error.stack));
    }
    parts.push(...table("Span", [
      ["start", `${instant(trace.start[i])} (+${time(trace.start[i])})`], ["duration", `${time(it.duration_ns)} (${it.duration_ns} ns)`],
      ["own time", time(it.self_ns)], ["gap", between ? `${time(between.ns)}${between.via ? ", by " + between.via : ""}` : null],
      ["ends late by", trace.overhangOf.has(i) ? time(trace.overhangOf.get(i)) : null], ["critical path", trace.onPath.has(i) ? "yes" : null],
      ["kind", it.kind], ["type", it.type], ["trace id", trace.trace_id], ["span id", both(it.span_id)], ["parent id", both(it.parent_id)],
      ["findings", it.findings.join(", ")]]));
    parts.push(...table("Tags", Object.entries(it.meta)), ...table("Metrics", Object.entries(it.metrics)));
    for (const event of it.events) parts.push(...table(`Event ${event.name}, +${time(event.time_ns - it.start_ns)}`, [["time", String(event.time_ns)], ...Object.entries(event.attributes)]));
    for (const link of it.links) parts.push(...table("Link", [["trace id", link.trace_id], ["span id", both(link.span_id)], ["tracestate", link.tracestate], ...Object.entries(link.attributes)]));
    parts.push(...table("Notes", it.notes));
    panel.replaceChildren(...parts);
    panel.hidden = false;
    paint();
  }

  // ---- theme, keys, mouse ----

  function theme(dark) {
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    $("theme").setAttribute("aria-pressed", String(dark));
    $("theme").textContent = dark ? "Light" : "Dark";
    if (trace) paint();
  }
  const isDark = () => document.documentElement.dataset.theme === "dark";

  function move(by) {
    const at = selected < 0 ? 0 : Math.min(visible.length - 1, Math.max(0, place[selected] + by));
    choose(visible[at]);
  }

  const page = () => Math.max(1, Math.floor((rows.clientHeight - HEAD) / ROW) - 1);
  const inTree = {
    ArrowDown: () => move(1), ArrowUp: () => move(-1), PageDown: () => move(page()), PageUp: () => move(-page()),
    Home: () => choose(visible[0]), End: () => choose(visible[visible.length - 1]),
    ArrowRight: () => { if (folded.has(selected)) toggle(selected); else if (selected >= 0 && trace.end[selected] > selected + 1) choose(selected + 1); },
    ArrowLeft: () => {
      if (selected >= 0 && !folded.has(selected) && trace.end[selected] > selected + 1) toggle(selected);
      else if (selected >= 0) choose(trace.parent[selected]);
    },
    Enter: () => { if (selected < 0) move(0); open(); }, " ": () => { if (selected < 0) move(0); open(); },
  };
  const anywhere = {
    "/": () => $("search").focus(), n: () => step(1), p: () => step(-1), e: nextError, t: () => theme(!isDark()),
    "+": () => zoomBy(.5), "=": () => zoomBy(.5), "-": () => zoomBy(2), 0: () => zoom(0, trace.duration_ns), "?": () => $("keys").showModal(),
    z: () => { if (selected >= 0) { const d = Math.max(10, trace.duration[selected]); zoom(trace.start[selected] - d * .05, trace.start[selected] + d * 1.05); } },
    c: () => {
      const any = folded.size > 0;
      folded = new Set();
      if (!any) for (let i = 0; i < trace.count; i++) if (trace.depth[i] === 1 && trace.end[i] > i + 1) folded.add(i);
      arrange();
      if (selected >= 0 && place[selected] < 0) { while (place[selected] < 0) selected = trace.parent[selected]; }
      paint();
    },
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || $("keys").open) return;
    const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
    if (event.key === "Escape" && !typing) { panel.hidden = true; rows.focus(); paint(); return; }
    if (event.target === $("search")) {
      if (event.key === "Enter") { clearTimeout(waiting); if ($("search").value.trim().toLowerCase() !== needle) search(); else step(event.shiftKey ? -1 : 1); event.preventDefault(); }
      if (event.key === "Escape") rows.focus();
      return;
    }
    const act = ((event.target === rows || event.target === document.body) && inTree[event.key]) || (!typing && anywhere[event.key]);
    if (act) { act(); event.preventDefault(); }
  });

  let waiting = 0;
  $("search").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(search, trace.count > 20000 ? 250 : 80); });
  for (const [id, act] of [["next", () => step(1)], ["previous", () => step(-1)], ["error", nextError], ["in", anywhere["+"]], ["out", anywhere["-"]],
    ["whole", anywhere[0]], ["theme", anywhere.t], ["help", anywhere["?"]]]) $(id).addEventListener("click", act);
  rows.addEventListener("scroll", paint);
  rows.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const cell = $("ticks").getBoundingClientRect();
    zoomBy(event.deltaY > 0 ? 1.25 : .8, from + (to - from) * Math.min(1, Math.max(0, (event.clientX - cell.left) / cell.width)));
  }, { passive: false });
  let dragged = null;
  const moment = (event) => event.offsetX / overview.clientWidth * Math.max(1, trace.duration_ns);
  overview.addEventListener("pointerdown", (event) => { dragged = moment(event); overview.setPointerCapture(event.pointerId); });
  overview.addEventListener("pointerup", (event) => {
    if (dragged === null) return;
    const end = moment(event), short = Math.abs(end - dragged) < trace.duration_ns / overview.clientWidth * 4;
    if (short) zoom(end - (to - from) / 2, end + (to - from) / 2); else zoom(Math.min(dragged, end), Math.max(dragged, end));
    dragged = null;
  });
  new ResizeObserver(paint).observe(rows);

  const choice = $("traces");
  traces.forEach((script, number) => choice.append(new Option(script.dataset.title, String(number))));
  $("choice").hidden = traces.length < 2;
  choice.addEventListener("change", () => show(Number(choice.value)));
  theme(matchMedia("(prefers-color-scheme: dark)").matches);
  if (traces.length) show(0); else $("facts").textContent = "no traces";
})();
