export const byId = (id) => document.getElementById(id);

/** An element with properties and children. Text only ever becomes a text node. */
export function el(tag, properties = {}, ...children) {
  const { dataset, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  Object.assign(element.dataset, dataset);
  element.append(...children);
  return element;
}

/** Calls `fn` instead of what a form would do. */
export function onSubmit(form, fn) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void fn();
  });
}
