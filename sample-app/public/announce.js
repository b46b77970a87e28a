import { byId, onSubmit } from './dom.js';

/** Posts announcements; the answer says which worker took the request. */
export function startAnnouncing() {
  const field = byId('announcement');
  const note = byId('announce-note');
  onSubmit(byId('announce'), async () => {
    const text = field.value.trim();
    if (text === '') return;
    try {
      const response = await fetch('announce', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ text }),
      });
      if (!response.ok) throw new Error(`the answer was ${response.status}`);
      const { by } = await response.json();
      field.value = '';
      note.textContent = `${by} took the request and told everyone.`;
    } catch (error) {
      note.textContent = `Not posted: ${error.message}`;
    }
  });
}
