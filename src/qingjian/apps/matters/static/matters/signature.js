/* Draw a signature on the screen with finger, pen or mouse; the form carries it as a PNG. */
"use strict";
for (const pad of document.querySelectorAll("[data-signature]")) {
  const target = document.getElementById(pad.dataset.signature);
  const scale = window.devicePixelRatio || 1;
  const context = pad.getContext("2d");
  let drawing = false;
  const size = () => {
    pad.width = pad.clientWidth * scale;
    pad.height = pad.clientHeight * scale;
    context.scale(scale, scale);
    context.lineWidth = 2.2;
    context.lineCap = context.lineJoin = "round";
    target.value = "";
  };
  size();
  pad.addEventListener("pointerdown", (event) => {
    drawing = true;
    pad.setPointerCapture(event.pointerId);
    context.beginPath();
    context.moveTo(event.offsetX, event.offsetY);
  });
  pad.addEventListener("pointermove", (event) => {
    if (!drawing) return;
    context.lineTo(event.offsetX, event.offsetY);
    context.stroke();
  });
  pad.addEventListener("pointerup", () => {
    drawing = false;
    target.value = pad.toDataURL("image/png");
  });
  const clear = document.querySelector(`[data-clear="${pad.id}"]`);
  if (clear) clear.addEventListener("click", size);
}
