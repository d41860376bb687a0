// The front end of DigitPad: draw strokes, average them down to 28×28 and send that to Python after each stroke.
const SIDE = 280, CELLS = 28, CELL = SIDE / CELLS;

function downsample(context) {
  const ink = context.getImageData(0, 0, SIDE, SIDE).data;
  const pixels = [];
  for (let row = 0; row < CELLS; row++) {
    for (let column = 0; column < CELLS; column++) {
      let sum = 0;
      for (let y = 0; y < CELL; y++) {
        for (let x = 0; x < CELL; x++) {
          sum += 255 - ink[4 * ((row * CELL + y) * SIDE + column * CELL + x)];
        }
      }
      pixels.push(Math.round(sum / (CELL * CELL)));
    }
  }
  return pixels;
}

function render({ model, el }) {
  const words = model.get("words");
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", words.label);
  canvas.style.cssText = "border: 1px solid #888; touch-action: none; cursor: crosshair; display: block";
  const button = document.createElement("button");
  button.textContent = words.clear;
  button.style.cssText = "margin: 6px 0; padding: 4px 14px; cursor: pointer";
  el.append(canvas, button);

  const context = canvas.getContext("2d", { willReadFrequently: true });
  const clear = () => {
    context.fillStyle = "white";
    context.fillRect(0, 0, SIDE, SIDE);
  };
  const send = (pixels) => {
    model.set("pixels", pixels);
    model.save_changes();
  };
  let last = null;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * SIDE / box.width, (event.clientY - box.top) * SIDE / box.height];
  };
  const stroke = (from, to) => {
    context.strokeStyle = "black";
    context.lineWidth = 22;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(...to);
    context.stroke();
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = place(event);
    stroke(last, last);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (last === null) return;
    const here = place(event);
    stroke(last, here);
    last = here;
  });
  const finish = () => {
    if (last === null) return;
    last = null;
    send(downsample(context));
  };
  canvas.addEventListener("pointerup", finish);
  canvas.addEventListener("pointercancel", finish);
  button.addEventListener("click", () => {
    clear();
    send([]);
  });
  clear();
}

export default { render };
