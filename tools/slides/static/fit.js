// Lays a chapter's cells out on slides of 1280 by 720, then starts reveal.js. It runs where the slides are shown, since
// only the browser knows how large its letters are. A cell that does not fit is set in two columns, then smaller (not
// below 85 %, or 72 % where nothing can be split), then split: code and printed lines between lines, tables between
// rows, lists and text between their parts, results from their code, quizzes between questions. Nothing scrolls and
// nothing is left out: window.fitted counts the characters before and after. With ?unfitted the slides stay as tagged.
(() => {
  "use strict";
  const WIDTH = 1192, HEIGHT = 626; // of a slide, within its margins
  const EASY = [1, 0.92, 0.85], TIGHT = [0.78, 0.72];
  const FIGURE = 290, LARGEST_FIGURE = 520; // heights of pictures
  const CODE = 18, SMALLEST_CODE = 13; // px; long lines of code shrink so far; then they break
  const BESIDE = 0.88; // code in a column of its own keeps this part, else a slide each is better
  const zh = document.documentElement.lang.startsWith("zh");
  const slides = document.querySelector(".slides");
  const unfitted = new URLSearchParams(location.search).has("unfitted");

  const make = (name, className = "", children = []) => {
    const node = document.createElement(name);
    if (className) node.className = className;
    node.append(...children);
    return node;
  };
  const length = (node) => node.textContent.replace(/\s+/g, "").length;
  const letters = (node) => length(node) - [...node.querySelectorAll(".again")].reduce((sum, each) => sum + length(each), 0);

  // --- one page ----------------------------------------------------------------------------------------------------

  const bench = make("div", "reveal");
  bench.style.cssText = "position:absolute;left:-3000px;top:0;width:1280px;height:720px;visibility:hidden";

  function wide(node) { // lines of code are made to fit the width that they have
    for (const pre of node.querySelectorAll("pre")) {
      pre.style.removeProperty("--long");
      pre.classList.remove("wraps");
      const room = pre.clientWidth, need = pre.scrollWidth;
      if (need <= room) continue;
      const k = Number(pre.closest(".page").style.getPropertyValue("--k"));
      pre.style.setProperty("--long", Math.max(SMALLEST_CODE / CODE / k, (room / need) * 0.99));
      if (pre.scrollWidth > pre.clientWidth) pre.classList.add("wraps");
    }
    for (const table of node.querySelectorAll("table")) {
      table.style.removeProperty("--table");
      const room = table.parentElement.clientWidth;
      if (table.offsetWidth > room) table.style.setProperty("--table", Math.max(0.7, (room / table.offsetWidth) * 0.98));
    }
  }

  function pictures(node, height) {
    for (const image of node.querySelectorAll("img")) {
      const natural = Number(image.dataset.width ||= image.getAttribute("width") || image.naturalWidth);
      const shape = image.naturalWidth / image.naturalHeight || 1;
      const holder = image.closest(".two > div, .body");
      const room = holder.clientWidth - 8;
      const width = Math.floor(Math.min(natural * 1.9, room, height * shape));
      image.removeAttribute("height");
      image.style.cssText = `width:${width}px;height:${Math.round(width / shape)}px`;
    }
  }

  function overflows(body) {
    const height = body.getBoundingClientRect().height;
    if (height > HEIGHT) return true;
    const right = body.getBoundingClientRect().left + WIDTH + 1;
    const wider = (node) => node.getBoundingClientRect().right > right;
    return [...body.querySelectorAll("pre, table, img, .katex-html, p, div, li")].some(wider);
  }

  function squeezed(two) { // columns too narrow for what stands in them
    const lines = two.querySelectorAll("pre");
    const small = (pre) => pre.classList.contains("wraps") || Number(pre.style.getPropertyValue("--long") || 1) < BESIDE;
    return [...lines].some(small) || [...two.querySelectorAll("img")].some((image) => image.offsetHeight < 180);
  }

  const isTwo = (unit) => unit.code && unit.rest.length;

  function build(units, k, columns) {
    const body = make("div", "body");
    const page = make("div", "page", [body]);
    page.style.setProperty("--k", k);
    for (const unit of units) {
      const nodes = unit.code ? [unit.code, ...unit.rest] : unit.rest;
      const cell = make("div", `cell${unit.step && unit !== units[0] ? " fragment" : ""}`);
      if (columns && isTwo(unit) && unit === units.at(-1))
        cell.append(make("div", "two", [make("div", "", [unit.code]), make("div", "", unit.rest)]));
      else cell.append(...nodes);
      body.append(cell);
    }
    return page;
  }

  function attempt(units, k, columns) { // the page, and whether everything fits on it with what opens opened
    const page = build(units, k, columns);
    bench.replaceChildren(page);
    const two = page.querySelector(".two");
    if (two) {
      two.style.gridTemplateColumns = "max-content 1fr";
      const need = two.firstChild.getBoundingClientRect().width;
      const share = Math.min(0.64, Math.max(0.36, need / WIDTH));
      two.style.gridTemplateColumns = `minmax(0,${share}fr) minmax(0,${1 - share}fr)`;
    }
    const closed = [...page.querySelectorAll("details:not([open])")];
    for (const each of closed) each.open = true;
    const body = page.firstChild, images = body.querySelectorAll("img").length;
    pictures(page, FIGURE);
    wide(page);
    const good = !overflows(body) && !(two && squeezed(two));
    if (good && images) { // pictures take the room that is left
      pictures(page, Math.min(LARGEST_FIGURE, FIGURE + (HEIGHT - body.getBoundingClientRect().height) / images));
      if (overflows(body)) pictures(page, FIGURE);
    }
    for (const each of closed) each.open = false;
    return { page, good };
  }

  function fitting(units, scales) { // the largest letters come first, then one column
    const columns = isTwo(units.at(-1)) ? [false, true] : [false];
    for (const k of scales)
      for (const column of columns) {
        const { page, good } = attempt(units, k, column);
        if (good) return page;
      }
    return null;
  }

  // --- splitting what is too large ---------------------------------------------------------------------------------

  const clone = (node, children) => {
    const copy = node.cloneNode(false);
    copy.append(...children);
    return copy;
  };

  function halves(node) { // [first, second] of a block, or null where it must stay whole
    if (node.matches("pre")) {
      const lines = node.innerHTML.replace(/\n$/, "").split("\n");
      if (lines.length < 4) return null;
      const middle = lines.length / 2;
      const plain = node.textContent.split("\n");
      const cost = (i) => Math.abs(i - middle) - (plain[i - 1]?.trim() ? 0 : lines.length / 5) -
        (/^\S/.test(plain[i] ?? "") ? lines.length / 10 : 0);
      let cut = 2;
      for (let i = 2; i < lines.length - 1; i++) if (cost(i) < cost(cut)) cut = i;
      const part = (some) => {
        const copy = node.cloneNode(false);
        copy.innerHTML = some.join("\n");
        return copy;
      };
      return [part(lines.slice(0, cut)), part(lines.slice(cut))];
    }
    if (node.matches("table")) {
      const head = node.querySelector("thead");
      const rows = [...node.querySelectorAll("tbody > tr, :scope > tr")];
      if (rows.length < 2) return null;
      const cut = Math.ceil(rows.length / 2);
      const second = clone(node, [...(head ? [head.cloneNode(true)] : []), make("tbody", "", rows.slice(cut))]);
      second.querySelector("thead")?.classList.add("again"); // said once more: it is no part of the chapter
      return [clone(node, [...(head ? [head] : []), make("tbody", "", rows.slice(0, cut))]), second];
    }
    const children = [...node.childNodes].filter((each) => each.nodeType === 1 || each.textContent.trim());
    const inline = children.some((each) => each.nodeType !== 1) || node.matches("p, details, h1, h2, h3, h4, li > p");
    if (node.matches("ul, ol, blockquote") || (!inline && node.matches("div, li"))) {
      if (children.length === 1) {
        const inner = halves(children[0]);
        return inner && inner.map((each) => clone(node, [each]));
      }
      if (children.length < 2) return null;
      const sizes = children.map((each) => each.textContent.length + 60);
      const total = sizes.reduce((a, b) => a + b, 0);
      let cut = 1, sum = sizes[0];
      while (cut < children.length - 1 && sum + sizes[cut] / 2 < total / 2) sum += sizes[cut++];
      if (cut === 1 && /^(H\d|STYLE)$/.test(children[0].nodeName) && children.length > 2) cut = 2; // no title alone
      if (/^(H\d|STYLE)$/.test(children[0].nodeName) && children.length === 2) {
        const inner = halves(children[1]);
        return inner && [clone(node, [children[0], inner[0]]), clone(node, [inner[1]])];
      }
      const second = clone(node, children.slice(cut));
      if (node.matches("ol")) second.start = (node.start || 1) + cut;
      return [clone(node, children.slice(0, cut)), second];
    }
    return null;
  }

  function split(unit) { // smaller units, or null
    const share = (some, code = null) => ({ ...unit, code, rest: some });
    if (unit.code && unit.rest.length) return [share([], unit.code), { ...share(unit.rest), step: false, again: true }];
    if (unit.code) {
      const parts = halves(unit.code);
      return parts && [share([], parts[0]), { ...share([], parts[1]), step: false, again: true }];
    }
    if (unit.rest.length > 1) {
      const figure = unit.rest.at(-1).matches(".text") && unit.rest.at(-2).querySelector("img");
      if (!figure || unit.rest.length > 2) {
        const cut = figure ? unit.rest.length - 2 : Math.ceil(unit.rest.length / 2);
        return [share(unit.rest.slice(0, cut)), { ...share(unit.rest.slice(cut)), again: true }];
      }
      const parts = halves(unit.rest[1]); // a long caption: its first half stays with the picture
      return parts ? [share([unit.rest[0], parts[0]]), { ...share([parts[1]]), again: true }]
        : [share([unit.rest[0]]), { ...share([unit.rest[1]]), again: true }];
    }
    const parts = halves(unit.rest[0]);
    return parts && [share([parts[0]]), { ...share([parts[1]]), again: true }];
  }

  // --- a chapter ---------------------------------------------------------------------------------------------------

  function unitsOf(section) { // one a cell; a caption belongs to the cell before it
    const units = [];
    for (const cell of section.querySelectorAll(":scope > .cell")) {
      const kinds = new Set(cell.classList), code = cell.querySelector(":scope > pre.code");
      const rest = [...cell.children].filter((each) => each !== code);
      if (!code && !rest.length) continue;
      const before = units.at(-1);
      if (kinds.has("caption") && before?.rest.some((node) => node.querySelector("img"))) {
        before.rest.push(...rest);
        before.minutes += Number(cell.dataset.minutes);
        continue;
      }
      units.push({
        code, rest, step: kinds.has("step"), ask: kinds.has("ask"), later: kinds.has("later"),
        exercise: kinds.has("exercise"), minutes: Number(cell.dataset.minutes),
      });
    }
    return units;
  }

  function paginate(units) { // [{page, units}], greedily, in the order of the chapter
    const pages = [], queue = [...units];
    let current = [], page = null;
    const flush = () => {
      if (current.length) pages.push({ page, units: current });
      current = [];
    };
    while (queue.length) {
      const unit = queue.shift();
      const sparse = current.length && page.firstChild.getBoundingClientRect().height < 0.45 * HEIGHT;
      if (current.length && !current.at(-1).ask) {
        bench.replaceChildren(page);
        const joined = fitting([...current, unit], sparse ? EASY : [1]);
        if (joined) {
          current.push(unit);
          page = joined;
          continue;
        }
        page = fitting(current, [...EASY, ...TIGHT]) ?? attempt(current, TIGHT.at(-1), false).page;
      }
      flush();
      page = fitting([unit], EASY);
      if (!page) {
        const parts = split(unit);
        if (parts) {
          const last = parts.at(-1), took = unit.minutes;
          parts.forEach((part) => { part.minutes = took / parts.length; });
          last.again = true;
          queue.unshift(...parts);
          continue;
        }
        page = fitting([unit], TIGHT) ?? attempt([unit], TIGHT.at(-1), false).page;
      }
      current = [unit];
      bench.replaceChildren(page);
    }
    flush();
    return pages;
  }

  const say = (chinese, english) => (zh ? chinese : english);

  function noted(units, sum) { // what the lecturer reads
    const lines = [];
    const lecture = units.filter((unit) => !unit.exercise).reduce((total, unit) => total + unit.minutes, 0);
    sum.minutes += lecture;
    lines.push(say(`这一页约${lecture.toFixed(1)}分钟，讲到这里共${Math.round(sum.minutes)}分钟（全章${sum.total}分钟）`,
      `about ${lecture.toFixed(1)} minutes; ${Math.round(sum.minutes)} of ${sum.total} so far`));
    if (units.some((unit) => unit.ask)) lines.push(say("先让全班表决，再翻页。", "Let the class vote before you go on."));
    if (units.some((unit) => unit.later)) lines.push(say("第一次讲可以略过。", "May be skipped at a first reading."));
    if (units.some((unit) => unit.exercise))
      lines.push(say("课后练习；提示和解答在notebook里。", "Homework; hints and solutions are in the notebook."));
    return make("aside", "notes", lines.map((line) => make("p", "", [line])));
  }

  function place(page, title, number, count) {
    const where = [make("span", "", [title]), make("span", "", [count > 1 ? `${number}/${count}` : ""])];
    page.prepend(make("div", "place", where));
  }

  function fit() {
    document.querySelector("body").append(bench);
    for (const style of slides.querySelectorAll("style")) document.head.append(style); // they hold wherever parts go
    const before = letters(slides);
    const minutes = [...slides.querySelectorAll(".cell:not(.exercise)")].map((cell) => Number(cell.dataset.minutes));
    const sum = { minutes: 0, total: Math.round(minutes.reduce((a, b) => a + b, 0)) };
    const smallest = [];
    let after = 0;
    slides.style.display = "none"; // else the browser lays out all of the chapter again at each attempt
    for (const column of slides.querySelectorAll(":scope > section")) {
      let title = document.title;
      for (const section of [...column.querySelectorAll(":scope > section")]) {
        const heading = section.querySelector("h1, h2, h3");
        title = heading?.textContent ?? title;
        const pages = paginate(unitsOf(section));
        const made = pages.map(({ page, units }, index) => {
          after += letters(page);
          smallest.push(Number(page.style.getPropertyValue("--k")));
          place(page, index ? title : "", index + 1, pages.length);
          return make("section", "", [page, noted(units, sum)]);
        });
        if (made.length) made[0].id = section.id;
        section.replaceWith(...made);
      }
      if (!column.children.length) column.remove();
    }
    bench.remove();
    slides.style.display = "";
    window.fitted = { before, after, scales: smallest };
  }

  window.addEventListener("load", async () => {
    await document.fonts.ready;
    if (unfitted) {
      for (const section of slides.querySelectorAll(":scope > section > section"))
        section.replaceChildren(make("div", "page", [make("div", "body", [...section.childNodes])]));
    } else fit();
    Reveal.initialize({
      width: 1280, height: 720, margin: 0, minScale: 0.1, maxScale: 8, center: false, hash: true, transition: "none",
      slideNumber: false, progress: true, controls: true, pdfSeparateFragments: false,
      showNotes: new URLSearchParams(location.search).has("notes"), plugins: [RevealNotes],
    });
  });
})();
