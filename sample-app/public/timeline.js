const MOST_ENTRIES = 500;
/** Who is so near to the end reads along. */
const NEAR_PX = 80;
/** How long what was put in from the past is kept from being read out. */
const QUIET_MS = 200;

/** One log: messages in the order of their history, none twice, and notices between them. */
export class Timeline {
  #log;
  #byId = new Map();
  #isAtEnd = true;
  #height = 0;
  /** What was missed after this entry is put behind it, where it joins up with nothing. */
  #seam;

  constructor(log) {
    this.#log = log;
    log.addEventListener('scroll', () => this.#look(), { passive: true });
    new ResizeObserver(() => this.#resized()).observe(log);
  }

  /** Adds an entry at the end. One with an id is a message: false if it is there already. */
  add(entry, id) {
    if (this.#byId.has(id)) return false;
    this.#keepingTheEnd(() => this.#log.append(this.#noted(entry, id)));
    return true;
  }

  /** From here on messages may be missing: they are to be asked for. */
  markSeam() {
    this.#seam = this.#log.lastElementChild;
  }

  /**
   * Puts messages of the history, oldest first, in their places. What is there stays.
   * @param gapEntry makes what is put before them where they join up with nothing, and older ones
   * are not among them
   */
  addPast({ messages, more }, entryOf, gapEntry) {
    const known = messages.find(({ id }) => this.#byId.has(id));
    const hasGap = more && !known && this.#byId.size > 0;
    let next = known ? this.#byId.get(known.id) : this.#afterSeam();
    this.#keepingTheEnd(() => {
      this.#log.setAttribute('aria-live', 'off');
      if (hasGap) this.#log.insertBefore(gapEntry(), next);
      for (const message of messages) {
        const present = this.#byId.get(message.id);
        if (present) next = present.nextElementSibling;
        else this.#log.insertBefore(this.#noted(entryOf(message), message.id), next);
      }
      setTimeout(() => this.#log.removeAttribute('aria-live'), QUIET_MS);
    });
  }

  showEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#isAtEnd = true;
  }

  /** A banner, a keyboard or another line below may take its room: the newest stays in view. */
  #resized() {
    const { clientHeight } = this.#log;
    if (clientHeight === 0) return;
    if (this.#isAtEnd) this.showEnd();
    this.#height = clientHeight;
  }

  #look() {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    // Of a change of size, not of a person: the observer is told next.
    if (clientHeight !== this.#height) return;
    this.#isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX;
  }

  #afterSeam() {
    return this.#seam?.isConnected ? this.#seam.nextElementSibling : this.#log.firstElementChild;
  }

  #noted(entry, id) {
    if (id !== undefined) {
      entry.dataset.id = id;
      this.#byId.set(id, entry);
    }
    return entry;
  }

  #keepingTheEnd(change) {
    const wasAtEnd = this.#isAtEnd;
    change();
    while (this.#log.childElementCount > MOST_ENTRIES) this.#forget(this.#log.firstElementChild);
    if (wasAtEnd) this.showEnd();
  }

  #forget(entry) {
    this.#byId.delete(entry.dataset.id);
    entry.remove();
  }
}
