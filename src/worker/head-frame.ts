import { running } from './current-stream.js'
import type { HeaderName, HeaderNames } from './header-names.js'
import { Part, Stage } from './script-addon.js'

// The layout of native/binding/head_frame.h, in 32-bit words.
const entriesAt = 2
const entryWords = 4
const writesAt = entriesAt + 128 * entryWords
const writeWords = 3
const maxWrites = 256
const lastWriteAt = writesAt + maxWrites * writeWords
const textAt = (lastWriteAt + writeWords) * 4
const maxText = 16 * 1024
/** Words of the frame. */
export const FrameWord = { entries: 0, stage: 1 } as const
/** Words of an entry. */
export const EntryWord = { program: 0, handle: 1, values: 2, outcome: 3 } as const
// In the second byte of a write; `ofValue` comes on top of a text's.
const Kind = { setText: 1 << 8, appendText: 2 << 8, delete: 3 << 8 } as const
const ofValue = 3 << 8

// A longer one costs less through native code.
const maxTextOfOne = 128
const maxAhead = 8
const maxTrace = 32
const lastEpoch = 0x3fffffff
// A name is read ahead when the hook asks for it at least every other time, of so many.
const enoughReads = 8

export const entryAt = (i: number): number => entriesAt + i * entryWords

/** What is known of a program's hook for heads: which names it uses, and in what order. */
export class HeadHabits {
  /** Names that native code reads before it calls a hook of this program first. */
  readonly ahead: HeaderName[] = []
  /** Names as the hook used them the time before: it will most likely do the same again. */
  readonly names: string[] = []
  readonly entries: HeaderName[] = []
  readonly #missed = new Map<HeaderName, number>()
  /** How often native code called it first. */
  runs = 0

  /** The hook asked for what had not been read. True: it is to be from now on. */
  misses(entry: HeaderName): boolean {
    const count = (this.#missed.get(entry) ?? 0) + 1
    this.#missed.set(entry, count)
    if (count < enoughReads || count * 2 < this.runs || this.ahead.length >= maxAhead || this.ahead.includes(entry))
      return false
    this.ahead.push(entry)
    return true
  }
}

/**
 * Memory shared with native code while hooks of heads run, so that a hook reads and writes headers without a call: values come along with
 * the call, and what is written is left here for native code to take over. It does so when the hooks are done, and before every other
 * call, so that nobody can tell the difference. Everything else (a long value, a name never seen) is a call.
 */
export class HeadFrame {
  /** Handle of the stream's filter whose hook runs; 0: none does. */
  live = 0
  /** Which header map is here. */
  part = -1
  /** The hook did something that those after it have to wait for. */
  isBarred = false
  words: Int32Array = new Int32Array(textAt / 4)
  #text: Uint8Array = new Uint8Array(maxText)
  readonly names: HeaderNames
  #values: unknown[] = []
  #epoch = 0
  #lead: HeadHabits | undefined
  #leadProgram = 0
  #habits: HeadHabits | undefined
  #entry = 0
  /** Where the next write stands. */
  #writeAt = writesAt
  #usedText = 0
  #traced = 0
  #firstValue = 0
  #endOfAhead = 0
  /** Which value was read last; -1: none. */
  #lastRead = -1

  constructor(names: HeaderNames) {
    this.names = names
  }

  attach(memory: ArrayBuffer): void {
    this.words = new Int32Array(memory, 0, textAt / 4)
    this.#text = new Uint8Array(memory, textAt, maxText)
  }

  /** A call began: these are the values of all its streams. */
  open(values: unknown[], stage: number): void {
    this.#values = values
    this.#writeAt = writesAt
    this.#usedText = 0
    running.renew()
    this.part = stage === Stage.requestHeaders ? Part.requestHeaders : Part.responseHeaders
  }

  close(): void {
    this.live = 0
    this.part = -1
    this.#values = []
  }

  /** The hooks of a stream follow; `count` values from `first` on were read for it, those that `lead` wants. */
  begin(lead: HeadHabits, program: number, first: number, count: number): void {
    this.forgetValues()
    const epoch = this.#epoch
    lead.runs += 1
    this.#lead = lead
    this.#leadProgram = program
    this.#firstValue = first
    this.#endOfAhead = first + count
    this.isBarred = false
    const { ahead } = lead
    for (let i = 0; i < count; ++i) {
      const entry = ahead[i] as HeaderName
      // Null: too long to come along.
      if (this.#values[first + i] === null) continue
      entry.epoch = epoch
      entry.at = first + i
    }
  }

  /** What is known of the headers holds no more: native code has changed them, or they are another stream's. */
  forgetValues(): void {
    if (this.#epoch === lastEpoch) {
      this.names.forgetValues()
      this.#epoch = 0
    }
    this.#epoch += 1
  }

  /** The hook of a filter runs next, that of an entry. */
  enter(handle: number, habits: HeadHabits, entry: number): void {
    this.live = handle
    this.#entry = entry
    this.#habits = habits
    this.#traced = 0
    this.#lastRead = -1
  }

  get(name: string): string | undefined {
    const entry = this.#find(name)
    if (entry === undefined) return this.names.addon.headerGet(this.live, this.part, name)
    if (entry.epoch !== this.#epoch) this.#ask(entry)
    const { at } = entry
    this.#lastRead = at
    return this.#values[at] as string | undefined
  }

  #ask(entry: HeaderName): void {
    const value = this.names.addon.headerGet(this.live, this.part, entry.number)
    this.#keep(entry, value)
    if (this.#lead?.misses(entry) === true)
      this.names.addon.readAhead(this.#leadProgram, this.part === Part.responseHeaders, entry.number)
  }

  #keep(entry: HeaderName, value: string | undefined): void {
    entry.epoch = this.#epoch
    entry.at = this.#values.push(value) - 1
  }

  set(name: string, value: string): void {
    const entry = this.#find(name)
    if (entry !== undefined && this.#write(entry, Kind.setText, value)) return
    if (entry !== undefined) entry.epoch = -1
    this.names.addon.headerSet(this.live, this.part, entry?.number ?? name, value)
  }

  append(name: string, value: string): void {
    const entry = this.#find(name)
    // The first value is the one that is read: it may be the same as before.
    if (entry !== undefined) entry.epoch = -1
    if (entry !== undefined && this.#write(entry, Kind.appendText, value)) return
    this.names.addon.headerAppend(this.live, this.part, entry?.number ?? name, value)
  }

  delete(name: string): void {
    const entry = this.#find(name)
    if (entry === undefined) return this.names.addon.headerDelete(this.live, this.part, name)
    if (this.#writeAt === lastWriteAt) {
      entry.epoch = -1
      return this.names.addon.headerDelete(this.live, this.part, entry.number)
    }
    this.#put(entry, Kind.delete, 0)
    this.#keep(entry, undefined)
  }

  /** False: native code has to do it, and to say what is wrong with it. */
  #write(entry: HeaderName, kind: number, value: string): boolean {
    if (this.#writeAt === lastWriteAt || typeof value !== 'string') return false
    // Often it is what was read just now, which native code has.
    const read = this.#lastRead
    if (read >= this.#firstValue && read < this.#endOfAhead && value === this.#values[read]) {
      this.#put(entry, kind + ofValue, read)
      if (kind === Kind.setText) {
        entry.epoch = this.#epoch
        entry.at = read
      }
      return true
    }
    return this.#writeText(entry, kind, value)
  }

  #writeText(entry: HeaderName, kind: number, value: string): boolean {
    const used = this.#usedText
    const { length } = value
    if (length > maxTextOfOne || used + length > maxText) return false
    const text = this.#text
    for (let i = 0; i < length; ++i) {
      const code = value.charCodeAt(i)
      // Control characters may be wrong, others have more than one byte.
      if (code < 0x20 || code > 0x7e) return false
      text[used + i] = code
    }
    this.#usedText = used + length
    this.#put(entry, kind, used | (length << 16))
    if (kind === Kind.setText) this.#keep(entry, value)
    return true
  }

  #put(entry: HeaderName, kind: number, what: number): void {
    const at = this.#writeAt
    const { words } = this
    words[at] = this.#entry | kind
    words[at + 1] = entry.number
    words[at + 2] = what
    this.#writeAt = at + writeWords
  }

  #find(name: string): HeaderName | undefined {
    const habits = this.#habits as HeadHabits
    const at = this.#traced++
    return habits.names[at] === name ? habits.entries[at] : this.#findAnew(habits, at, name)
  }

  #findAnew(habits: HeadHabits, at: number, name: string): HeaderName | undefined {
    const entry = this.names.find(name)
    if (entry !== undefined && at < maxTrace && at <= habits.names.length) {
      habits.names[at] = name
      habits.entries[at] = entry
    }
    return entry
  }
}
