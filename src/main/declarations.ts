import type { Forget } from '../stats/declare.js'

interface Declared {
  signature: string
  forget: Forget
  holders: number
}

/** Statistics that exist as long as something of the configuration has them: shared ones until the last holder goes. Main thread. */
export class Declarations {
  readonly #declared = new Map<string, Declared>()

  /** One more holder. With another signature than before, what is declared changes; new first, so that shared scopes never go in between. */
  hold(key: string, signature: string, declare: () => Forget): void {
    const known = this.#declared.get(key)
    if (known === undefined) {
      this.#declared.set(key, { signature, forget: declare(), holders: 1 })
      return
    }
    known.holders += 1
    if (known.signature === signature) return
    const before = known.forget
    known.signature = signature
    known.forget = declare()
    before()
  }

  /** One holder less. */
  release(key: string): void {
    const known = this.#declared.get(key)
    if (known === undefined) return
    known.holders -= 1
    if (known.holders > 0) return
    this.#declared.delete(key)
    known.forget()
  }
}
