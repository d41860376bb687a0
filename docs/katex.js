// Draws one formula a line: reads {"tex": ..., "display": ...}, writes {"html": ...} or {"error": ...}.
// node docs/katex.js path/to/katex.min.js
const katex = require(require("path").resolve(process.argv[2]));

require("readline")
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { tex, display } = JSON.parse(line);
    let answer;
    try {
      // "ignore": Chinese words in \text{} are no mistake
      answer = { html: katex.renderToString(tex, { displayMode: display, strict: "ignore" }) };
    } catch (error) {
      answer = { error: error.message };
    }
    process.stdout.write(JSON.stringify(answer) + "\n");
  });
