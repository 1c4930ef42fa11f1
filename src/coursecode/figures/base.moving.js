// A figure whose arrow keys and pointer move some of its settings, such as a place on a photo.
(() => {
  "use strict";
  const { Base, clamp, drag, limit } = CourseFigures;

  class Moving extends Base {
    /** The settings that move, each from 0 on: to the right and, where there are two, down. */
    static moves = [];
    key(name, { shiftKey }) {
      const { moves } = this.constructor, by = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1], Home: [-999, -999], End: [999, 999] }[name];
      const moved = by ? moves.filter((_, axis) => by[axis]) : [];
      if (moved.length) this.put(Object.fromEntries(moved.map((setting) => [setting, this.state[setting] + by[moves.indexOf(setting)] * (shiftKey ? 8 : 1)])));
      return moved.length;
    }
    /** The largest value of a setting. */
    furthest(name) { return limit(this.settings.find((setting) => setting.name === name).max, this.state); }
    /** Change settings, as far as each of them goes. */
    put(changes) {
      this.set(Object.fromEntries(Object.entries(changes).map(([name, value]) => [name, clamp(value, this.furthest(name))])), { quiet: true });
    }
    place(state) {
      const [name] = this.constructor.moves;
      return [state[name], this.furthest(name)];
    }
    /** What an element takes to call `go(event)` wherever a mouse is on it, and at every move of what is pressed on it. */
    follows(go) {
      return { onpointermove: (event) => event.pointerType === "mouse" && go(event), onpointerdown: (event) => { go(event); drag(event, go); } };
    }
    /** Follow the pointer to the side, in places of which what is pulled has `n`. */
    pull(event, n) {
      const [name] = this.constructor.moves, from = this.state[name], side = event.currentTarget.clientWidth / n;
      drag(event, ({ clientX }) => this.put({ [name]: from + Math.round((clientX - event.clientX) / side) }));
    }
  }
  Object.assign(CourseFigures, { Moving });
})();
