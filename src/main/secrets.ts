import type { SecretMeta } from '../plan/secrets.js'
import type { SecretSource } from '../plan/secret.js'
import type { RenewedSecret, SecretsAnswer } from '../snapshot/compile-task.js'
import type { Publisher } from '../snapshot/publisher.js'
import type { Clock } from '../support/clock.js'
import type { Logger } from '../support/log.js'
import { FilesWatch } from './files-watch.js'

export interface SecretsOptions {
  readonly clock: Clock
  readonly compiler: {
    secrets(task: { kind: 'secrets'; sources: readonly SecretSource[] }): Promise<SecretsAnswer>
  }
  readonly publisher: Publisher
  /** By slot; and how one takes the place of the one before. */
  readonly units: () => { readonly secrets: ReadonlyMap<number, SecretMeta>; renew(meta: SecretMeta): void }
  readonly log: Logger
  /** Runs when no reload is under way, and keeps one from starting meanwhile. */
  readonly exclusively: (run: () => Promise<void>) => void
  readonly onRenewed: () => void
}

/**
 * The secrets of the configuration in use, and the files they were read from: when one changes, its secret is read, checked and published
 * anew, and nothing else. New connections use it; a broken one is reported and changes nothing. Main thread.
 */
export class Secrets {
  readonly #options: SecretsOptions
  readonly #watch: FilesWatch

  constructor(options: SecretsOptions) {
    this.#options = options
    this.#watch = new FilesWatch({
      clock: options.clock,
      onChange: files => options.exclusively(() => this.#renew(files)),
      onError: message => options.log.warning(message),
    })
  }

  /** By slot. */
  get metas(): ReadonlyMap<number, SecretMeta> {
    return this.#options.units().secrets
  }

  /** Other secrets are in use than before. */
  changed(): void {
    this.#watchAll()
  }

  close(): void {
    this.#watch.close()
  }

  #watchAll(): void {
    const files = new Map<string, string>()
    const folders = new Set<string>()
    for (const { reading } of this.metas.values()) {
      for (const [file, digest] of reading.files) files.set(file, digest)
      for (const folder of reading.folders) folders.add(folder)
    }
    this.#watch.set(files, [...folders])
  }

  async #renew(files: readonly string[]): Promise<void> {
    const { compiler, log, onRenewed } = this.#options
    const touched = [...this.metas.values()].filter(({ reading }) => files.some(file => reading.files.has(file)))
    if (touched.length === 0) return
    const answer = await compiler.secrets({ kind: 'secrets', sources: touched.map(meta => meta.source) }).catch(failed)
    if (answer instanceof Error) return log.error(`certificates could not be read again: ${answer.message}`)
    let isRenewed = false
    for (const secret of answer.secrets) isRenewed = (await this.#adoptOne(secret)) || isRenewed
    this.#watchAll()
    if (isRenewed) onRenewed()
  }

  /** Is the new one in use? */
  async #adoptOne({ meta, plan, errors }: RenewedSecret): Promise<boolean> {
    const { publisher, log } = this.#options
    const { slot } = meta.source
    const before = this.metas.get(slot)
    if (before === undefined) return false
    const published = plan && (await publisher.publish([plan]))
    const problems = published?.ok === false ? published.error.map(({ message }) => `error: ${message}`) : errors
    if (published?.ok === true) {
      this.#options.units().renew(meta)
      log.info(`renewed: ${described(meta)}`)
      return true
    }
    // What was read in vain counts as seen: the next change is news again.
    const files = new Map([...before.reading.files, ...meta.reading.files])
    this.#options.units().renew({ ...before, reading: { ...before.reading, files } })
    for (const problem of problems) log.error(problem)
    log.error(`${meta.source.path}: what was there before stays in use`)
    return false
  }
}

const failed = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))

function described({ source, facts }: SecretMeta): string {
  const [first] = facts.certificates
  const until =
    first && `, serial number ${first.serial}, valid until ${new Date(first.expiration * 1000).toISOString()}`
  return `${source.path}${until ?? ''}`
}
