/* Where the names of marks stand on the map; numbers in pixels, x to the right and y downwards. */
"use strict";
window.qingjianNames = (() => {
  /* Half the height of a mark, and how many marks still get names. */
  const mark = 11;
  const most = 600;
  /* Below and above in the middle, to the right and left, then below and above beginning or ending with the mark. */
  const sides = [[0, 1, "center"], [0, -1, "center"], [1, 0, "left"], [-1, 0, "right"], [0, 1, "left"], [0, 1, "right"], [0, -1, "left"], [0, -1, "right"]];
  const longest = 160;
  const overlap = (one, other) => one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3];
  const wide = (text) => Math.max(...text.split("\n").map((line) => [...line].reduce((sum, letter) => sum + (letter.charCodeAt(0) > 255 ? 12.5 : 7), 0)));
  /* Lines longer than a name should be in lines as even as words and Chinese characters allow. */
  const wrapped = (text) => text.split("\n").flatMap((line) => {
    const parts = line.match(/[\u2e80-\uffff]|[^\u2e80-\uffff\s]+\s*|\s+/g) || [];
    const each = wide(line) / Math.ceil(wide(line) / longest);
    const lines = [""];
    for (const part of parts) {
      const last = lines.length - 1;
      if (lines[last] && wide(lines[last]) + wide(part.trimEnd()) / 2 > each) lines.push(part); else lines[last] += part;
    }
    return lines.map((one) => one.trim());
  }).join("\n");
  const holds = (frame, box) => frame[0] <= box[0] && frame[1] <= box[1] && box[2] <= frame[2] && box[3] <= frame[3];
  /* The first side of its mark on which a name covers no mark and no name, null when there is no room: marks
     {x, y, half (of its width), text, first (before the others)} give {text, align, x, y, box} in the same order.
     None stands where it would be cut at the edge of the frame [left, top, right, bottom]. */
  const arrange = (marks, frame) => {
    const found = marks.map(() => null);
    if (marks.length > most) return found;
    const taken = marks.map((one) => [one.x - one.half, one.y - mark, one.x + one.half, one.y + mark]);
    const turns = marks.map((one, index) => index).sort((one, other) => Number(marks[other].first) - Number(marks[one].first));
    for (const index of turns) {
      const one = marks[index];
      const text = wrapped(one.text);
      const width = wide(text) + 4;
      const height = 16 * text.split("\n").length;
      for (const [right, down, align] of sides) {
        /* Where the text begins, has its middle or ends. */
        const x = right ? right * (one.half + 3) : { center: 0, left: -one.half, right: one.half }[align];
        const from = one.x + x - { center: width / 2, left: right ? 1 : 2, right: width - (right ? 1 : 2) }[align];
        const y = one.y + down * (mark + 1 + height / 2);
        const box = [from, y - height / 2, from + width, y + height / 2];
        if ((frame && !holds(frame, box)) || taken.some((other) => overlap(box, other))) continue;
        taken.push(box);
        found[index] = { text, align, x, y: y - one.y, box };
        break;
      }
    }
    return found;
  };
  return { mark, wide, wrapped, arrange };
})();
