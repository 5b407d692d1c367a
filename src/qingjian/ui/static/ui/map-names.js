/* Where the names of marks stand on the map; numbers in pixels, x to the right and y downwards. */
"use strict";
window.qingjianNames = (() => {
  /* Half the height of a mark, and how many marks still get names. */
  const mark = 11;
  const most = 600;
  const sides = [[0, 1, "center"], [0, -1, "center"], [1, 0, "left"], [-1, 0, "right"]];
  const overlap = (one, other) => one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3];
  const wide = (text) => Math.max(...text.split("\n").map((line) => [...line].reduce((sum, letter) => sum + (letter.charCodeAt(0) > 255 ? 12.5 : 7), 0)));
  const holds = (frame, box) => frame[0] <= box[0] && frame[1] <= box[1] && box[2] <= frame[2] && box[3] <= frame[3];
  /* The first side of its mark on which a name covers no mark and no name, null when there is no room: marks
     {x, y, half (of its width), text, first (before the others)} give {text, align, x, y, box} in the same order.
     Sides on which it would be cut at the edge of the frame [left, top, right, bottom] come last. */
  const arrange = (marks, frame) => {
    const found = marks.map(() => null);
    if (marks.length > most) return found;
    const taken = marks.map((one) => [one.x - one.half, one.y - mark, one.x + one.half, one.y + mark]);
    const turns = marks.map((one, index) => index).sort((one, other) => Number(marks[other].first) - Number(marks[one].first));
    for (const index of turns) {
      const one = marks[index];
      const width = wide(one.text) + 4;
      const height = 16 * one.text.split("\n").length;
      const free = sides.map(([right, down, align]) => {
        const x = one.x + right * (one.half + 2 + width / 2);
        const y = one.y + down * (mark + 1 + height / 2);
        const box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2];
        return { text: one.text, align, x: right * (one.half + 3), y: y - one.y, box };
      }).filter(({ box }) => !taken.some((other) => overlap(box, other)));
      const best = free.find(({ box }) => !frame || holds(frame, box)) || free[0];
      if (!best) continue;
      taken.push(best.box);
      found[index] = best;
    }
    return found;
  };
  return { mark, wide, arrange };
})();
