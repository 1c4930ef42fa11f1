// What lenet-train runs once its digits are there: unpacking them, and the worker that learns. It travels with the digits
// (lenet-train.data.js).
globalThis.LENET_LEARN = (() => {
  "use strict";
  const { trainer } = CourseMath;
  const PIXELS = 784;
  /** The worker's loop; it names nothing outside itself but the trainer it is given. */
  const loop = (trainer) => {
    const BATCH = 16, PIXELS = 784, WARM = 0.15;
    onmessage = ({ data: { train, test, labels, epochs, rate, activation, bias, shuffled, seed } }) => {
      const net = trainer({ activation, bias, seed }), many = train.length / PIXELS, order = Array.from({ length: many }, (_, i) => i);
      const mix = (list) => {
        for (let i = list.length - 1; i > 0; i--) {
          const j = Math.floor(net.random() * (i + 1));
          [list[i], list[j]] = [list[j], list[i]];
        }
        return list;
      };
      const places = Array.from({ length: PIXELS }, (_, i) => i), image = new Float64Array(PIXELS);
      if (shuffled) mix(places);
      /** A digit, moved by some pixels, and with its pixels in another order where they are shuffled. */
      const take = (all, at, down, across) => {
        for (let i = 0; i < 28; i++) {
          for (let j = 0; j < 28; j++) {
            const y = i - down, x = j - across;
            image[places[i * 28 + j]] = y >= 0 && y < 28 && x >= 0 && x < 28 ? all[at * PIXELS + y * 28 + x] / 3 : 0;
          }
        }
        return image;
      };
      const kernels = () => Array.from(net.weights.subarray(0, 150));
      const examine = () => {
        const confusion = Array.from({ length: 10 }, () => Array(10).fill(0));
        let correct = 0;
        for (let i = 0; i < test.length / PIXELS; i++) {
          const shares = net.forward(take(test, i, 0, 0)), is = labels.test[i];
          let best = 0;
          for (let digit = 1; digit < 10; digit++) if (shares[digit] > shares[best]) best = digit;
          confusion[is][best]++;
          if (best === is) correct++;
        }
        return { confusion, correct };
      };
      postMessage({ epoch: 0, kernels: kernels(), ...examine() });
      let seen = 0;
      for (let epoch = 0; epoch < epochs; epoch++) {
        mix(order);
        for (let from = 0, sum = 0, count = 0, last = performance.now(); from < many; from += BATCH) {
          const end = Math.min(many, from + BATCH), done = seen / (epochs * many); // the rate rises, then falls to 0
          for (let i = from; i < end; i++) {
            const [down, across] = [0, 0].map(() => Math.floor(net.random() * 3) - 1);
            sum += net.learn(take(train, order[i], down, across), labels.train[order[i]], 1 / (end - from));
            count++;
          }
          seen += end - from;
          net.step({ rate: rate * Math.min(done / WARM, (1 - done) / (1 - WARM)), decay: 1e-3 });
          if (performance.now() - last > 120 || end === many) {
            postMessage({ epoch: seen / many, loss: sum / count, kernels: kernels() });
            [sum, count, last] = [0, 0, performance.now()];
          }
          if (from === 2000) postMessage(examine());
        }
        postMessage({ epoch: epoch + 1, ...examine(), done: epoch + 1 === epochs });
      }
    };
  };
  return {
    loop,
    worker() {
      const address = URL.createObjectURL(new Blob([`(${loop})(${trainer})`], { type: "text/javascript" }));
      const worker = new Worker(address);
      URL.revokeObjectURL(address);
      return worker;
    },
    /** Packed digits as numbers from 0 to 3: gzip, four pixels a byte. */
    async images(text) {
      const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      const bytes = new Uint8Array(await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
      const out = new Uint8Array(4 * bytes.length);
      for (let i = 0; i < out.length; i++) out[i] = (bytes[i >> 2] >> (2 * (i & 3))) & 3;
      if (out.length % PIXELS) throw new RangeError("the digits are damaged");
      return out;
    },
    async unpack() {
      const [train, test] = await Promise.all([this.images(this.train), this.images(this.test)]);
      const digits = (text) => [...text].map(Number);
      return { train, test, labels: { train: digits(this.labels[0]), test: digits(this.labels[1]) } };
    },
  };
})();
