// Makes the book on one page fit for paper: tools/site/pdf.py calls it with the words of the edition.
(words) => {
  const SMALLEST_CODE = 8.7; // px: 6.5 pt
  // Some Chinese fonts have no bold face, and a browser may leave what is bold as it is: then a stroke makes it so.
  const ink = (weight) => {
    const paper = Object.assign(document.createElement("canvas"), { width: 64, height: 64 }).getContext("2d");
    paper.font = `${weight} 48px ${getComputedStyle(document.body).fontFamily}`;
    paper.fillText("国", 8, 52);
    return paper.getImageData(0, 0, 64, 64).data.reduce((sum, value) => sum + value, 0);
  };
  if (document.documentElement.lang.startsWith("zh") && ink(700) < 1.05 * ink(400)) {
    const bold = document.createElement("style");
    bold.textContent = "strong, b, th, h1, h2, h3, h4, summary { -webkit-text-stroke: .02em; }";
    document.head.append(bold);
  }
  for (const sound of document.querySelectorAll("audio, video")) {
    const said = document.createElement("p");
    said.textContent = words.sound;
    sound.replaceWith(said);
  }
  for (const article of document.querySelectorAll("article")) {
    const answers = document.createElement("section");
    const place = `${article.id}--answers`;
    answers.className = "answers";
    answers.id = place;
    answers.innerHTML = `<h2>${words.answers}</h2>`;
    for (const cell of article.querySelectorAll("div.cell.tag_check")) {
      const output = cell.querySelector(".cell_output");
      if (!output?.querySelector("details")) continue;
      const link = document.createElement("p");
      link.innerHTML = `<a href="#${place}">${words.see}</a>`;
      output.querySelector("strong + p")?.remove(); // that the exercise is not answered yet
      output.replaceWith(link);
      answers.append(output);
    }
    for (const quiz of article.querySelectorAll(".aigc-quiz")) answers.append(quiz.cloneNode(true));
    for (const each of article.querySelectorAll("details.toggle-details, div.cell > details, details.hide"))
      each.open = true; // folded code
    for (const each of answers.querySelectorAll("details")) each.open = true;
    if (answers.children.length > 1) (article.querySelector("section") ?? article).append(answers);
  }
  // Code whose lines are longer than the paper is wide is set smaller, but not so small that nobody can read it.
  const pieces = [...document.querySelectorAll("div.cell_input pre")].map((code) => [code, getComputedStyle(code)]);
  const paper = document.createElement("canvas").getContext("2d");
  const sizes = pieces.map(([code, style]) => {
    paper.font = `${style.fontSize} ${style.fontFamily}`;
    const longest = Math.max(...code.textContent.split("\n").map((line) => paper.measureText(line).width));
    const room = code.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    return Math.max(Math.floor((10 * parseFloat(style.fontSize) * room) / longest) / 10, SMALLEST_CODE);
  });
  pieces.forEach(([code, style], at) => {
    if (sizes[at] < parseFloat(style.fontSize)) code.style.fontSize = `${sizes[at]}px`;
  });
  // What is wider than the paper is made smaller.
  for (const wide of document.querySelectorAll(".math-block, .cell_output .output > *, table, p > .katex, li > .katex")) {
    const room = wide.parentElement.clientWidth || document.body.clientWidth;
    if (wide.scrollWidth > room + 1) wide.style.zoom = Math.max(room / wide.scrollWidth, 0.4);
  }
}
