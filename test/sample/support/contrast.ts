import type { ChatTab } from './chat-tab.js';

/** Texts with less than 4.5:1 against what is behind them. */
export function poorContrast({ page }: ChatTab): Promise<string[]> {
  return page.evaluate(`(() => {
    const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const paint = (colors) => {
      context.globalAlpha = 1;
      for (const color of colors) {
        context.fillStyle = color;
        context.fillRect(0, 0, 1, 1);
      }
      return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const luminance = (rgb) => {
      const [r, g, b] = rgb.map((value) => {
        const part = value / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const poor = [];
    const check = (element) => {
      const behind = [];
      for (let each = element; each; each = each.parentElement) {
        behind.unshift(getComputedStyle(each).backgroundColor);
      }
      // In a picture a text stands on the shape before it.
      const shape = element.matches('svg text') && element.previousElementSibling;
      if (shape) behind.push(getComputedStyle(shape).fill);
      const back = paint(behind);
      const front = paint([...behind, getComputedStyle(element).color]);
      const [dark, light] = [luminance(back), luminance(front)].sort((a, b) => a - b);
      const ratio = (light + 0.05) / (dark + 0.05);
      if (ratio < 4.5) poor.push(element.textContent.trim().slice(0, 30) + ' ' + ratio.toFixed(2));
    };
    const hasText = (element) =>
      [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '');
    const isShown = (element) => element.checkVisibility() && !element.matches(':disabled, .skip');
    for (const element of document.body.querySelectorAll('*')) {
      if (hasText(element) && isShown(element)) check(element);
    }
    // Every hue that an instance may have.
    const chip = document.querySelector('.chip');
    for (let hue = 0; hue < 360; hue += 5) {
      chip.style.setProperty('--hue', hue);
      check(chip);
      check(chip.querySelector('.initial'));
    }
    return poor;
  })()`);
}
