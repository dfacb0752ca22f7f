/** What becomes of a field that an operator has set. A set field without a verdict is refused. */
export type Verdict =
  /** In the plan; the message in it, or in the Any, is looked at field by field. */
  | { readonly kind: 'carried' }
  /** In the plan as a whole: its compiler checks what is inside. */
  | { readonly kind: 'whole' }
  /** Accepted with a warning: it tunes Envoy and does not change what happens to traffic here. */
  | { readonly kind: 'tuning'; readonly note: string }
  /** Changes what happens to traffic and is not carried out yet. `isHarmless`: values that ask for nothing. */
  | { readonly kind: 'later'; readonly what: string; readonly isHarmless?: (value: unknown) => boolean }

export type MessagePolicy = Readonly<Record<string, Verdict>>
/** By full name of the message. */
export type PolicyTable = Readonly<Record<string, MessagePolicy>>

const each = (names: string, verdict: Verdict): MessagePolicy =>
  Object.fromEntries(
    names
      .trim()
      .split(/\s+/)
      .map(name => [name, verdict]),
  )

export const carried = (names: string): MessagePolicy => each(names, { kind: 'carried' })
export const whole = (names: string): MessagePolicy => each(names, { kind: 'whole' })
export const tuning = (names: string, note = 'has no effect'): MessagePolicy => each(names, { kind: 'tuning', note })
export const later = (names: string, what: string, isHarmless?: (value: unknown) => boolean): MessagePolicy =>
  each(names, isHarmless ? { kind: 'later', what, isHarmless } : { kind: 'later', what })

/** false, or a BoolValue of false (what a wrapper in a oneof is read as). */
export const isFalse = (value: unknown): boolean =>
  value === false || (typeof value === 'object' && value !== null && 'value' in value && value.value === false)

/** Note of the deprecated and the typed switch to DNS over TCP. */
export const tcpDns = 'has no effect: names are asked for over UDP, and over TCP when an answer was cut short'
