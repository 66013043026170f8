// What a reader's eye would notice: measured in the page, returned as plain numbers and words.
(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => top.slice(0, 3).map((v, i) => v * top[3] + below[i] * (1 - top[3]));
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const behind = (element) => {
    if (!element) return [255, 255, 255];
    const own = rgba(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own.slice(0, 3) : over(own, behind(element.parentElement));
  };
  const round = (v) => Math.round(v * 100) / 100;
  const box = (element) => {
    const b = element.getBoundingClientRect();
    return { left: round(b.left), right: round(b.right), width: round(b.width), height: round(b.height) };
  };

  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || element.closest("title, style, script") || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const drawn = element instanceof SVGElement;
    const scale = drawn ? element.getScreenCTM().a : 1;
    texts.push({
      text: node.data.trim(),
      drawn,
      size: round(parseFloat(style.fontSize) * scale),
      contrast: round(contrast(over(rgba(drawn ? style.fill : style.color), behind(element)), behind(element))),
    });
  }

  const overlaps = [];
  for (const svg of document.querySelectorAll("svg.plot")) {
    const words = [...svg.querySelectorAll("text")].map((t) => [t.textContent, t.getBoundingClientRect()]);
    words.forEach(([a, p], i) =>
      words.slice(i + 1).forEach(([b, q]) => {
        const across = Math.min(p.right, q.right) - Math.max(p.left, q.left);
        const down = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
        if (across > 1 && down > 2) overlaps.push(`${a} / ${b}`);
      })
    );
  }

  return {
    width: innerWidth,
    overflow: document.documentElement.scrollWidth - innerWidth,
    page: round(luminance(behind(document.body))),
    texts,
    overlaps,
    plots: [...document.querySelectorAll("svg.plot")].map((svg) => ({
      title: svg.querySelector("title").textContent,
      visible: svg.checkVisibility(),
      ...box(svg),
      words: Math.max(...[...svg.querySelectorAll("text")].map((t) => t.getBoundingClientRect().right)),
      curves: [...svg.querySelectorAll("path")].filter((path) => {
        const b = path.getBoundingClientRect();
        return (path.getAttribute("style") ?? "").includes("--series-") && b.width > 20 && b.height > 5;
      }).length,
    })),
    keys: [...document.querySelectorAll(".key path")].map((p) => round(contrast(rgba(getComputedStyle(p).stroke).slice(0, 3), behind(p)))),
    images: [...document.querySelectorAll("img")].map((i) => ({ loaded: i.complete && i.naturalWidth > 0, ...box(i) })),
    sections: [...document.querySelectorAll("section, figure, h1, h2, h3, p, ul")].map(box),
  };
})();
