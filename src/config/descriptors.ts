import {
  createFileRegistry,
  type DescEnum,
  type DescExtension,
  type DescFile,
  type DescMessage,
  fromBinary,
  type Registry,
} from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { readFileSync } from 'node:fs'

/** What scripts/generate-protos.mjs writes beside descriptors.bin. */
interface DescriptorIndex {
  /** name, offset and length of each FileDescriptorProto */
  readonly files: readonly (readonly [name: string, offset: number, length: number])[]
  /** top-level messages, enums and extensions by full name → position in `files` */
  readonly types: Readonly<Record<string, number>>
}

const folder = new URL('../generated/protos/', import.meta.url)

/**
 * The descriptors of Envoy's API, decoded file by file when a type is first asked for: a small bootstrap needs 80 of about 560 files.
 * Not shared between threads. It is also a protobuf-es Registry, so that toJson can print an Any.
 */
export class Descriptors implements Registry {
  readonly kind = 'registry'
  readonly #index: DescriptorIndex
  readonly #bytes: Uint8Array
  readonly #positions: ReadonlyMap<string, number>
  readonly #files = new Map<string, DescFile>()
  readonly #messages = new Map<string, DescMessage>()
  readonly #enums = new Map<string, DescEnum>()
  readonly #extensions = new Map<string, DescExtension>()

  /** Reads the generated files; throws when the build is incomplete. */
  constructor() {
    this.#index = JSON.parse(readFileSync(new URL('descriptors.json', folder), 'utf8')) as DescriptorIndex
    this.#bytes = readFileSync(new URL('descriptors.bin', folder))
    this.#positions = new Map(this.#index.files.map(([name], position) => [name, position]))
  }

  getMessage(typeName: string): DescMessage | undefined {
    this.#loadFileOf(typeName)
    return this.#messages.get(typeName)
  }

  getEnum(typeName: string): DescEnum | undefined {
    this.#loadFileOf(typeName)
    return this.#enums.get(typeName)
  }

  getExtension(typeName: string): DescExtension | undefined {
    this.#loadFileOf(typeName)
    return this.#extensions.get(typeName)
  }

  get(typeName: string): DescMessage | DescEnum | DescExtension | undefined {
    return this.getMessage(typeName) ?? this.#enums.get(typeName) ?? this.#extensions.get(typeName)
  }

  /** Extensions occur in options only, which are asked for by name. */
  getExtensionFor(): DescExtension | undefined {
    return undefined
  }

  getService(): undefined {
    return undefined
  }

  *[Symbol.iterator](): Generator<DescMessage | DescEnum | DescExtension> {
    yield* this.#messages.values()
    yield* this.#enums.values()
    yield* this.#extensions.values()
  }

  /** Full names of all top-level types, for suggestions. */
  typeNames(): readonly string[] {
    return Object.keys(this.#index.types)
  }

  #loadFileOf(typeName: string): void {
    for (let name = typeName; name !== ''; name = name.slice(0, Math.max(0, name.lastIndexOf('.')))) {
      const position = Object.hasOwn(this.#index.types, name) ? this.#index.types[name] : undefined
      if (position === undefined) continue
      this.#loadFile(position)
      return
    }
  }

  #loadFile(position: number): DescFile {
    const [name, offset, length] = this.#index.files[position] as DescriptorIndex['files'][number]
    const loaded = this.#files.get(name)
    if (loaded) return loaded
    const proto = fromBinary(FileDescriptorProtoSchema, this.#bytes.subarray(offset, offset + length))
    const registry = createFileRegistry(proto, dependency =>
      withoutDependencies(this.#loadFile(this.#positions.get(dependency) as number)),
    )
    const file = registry.getFile(name) as DescFile
    this.#files.set(name, file)
    this.#add(file)
    return file
  }

  #add(owner: DescFile | DescMessage): void {
    const isFile = owner.kind === 'file'
    for (const message of isFile ? owner.messages : owner.nestedMessages) {
      this.#messages.set(message.typeName, message)
      this.#add(message)
    }
    for (const type of isFile ? owner.enums : owner.nestedEnums) this.#enums.set(type.typeName, type)
    for (const extension of isFile ? owner.extensions : owner.nestedExtensions)
      this.#extensions.set(extension.typeName, extension)
  }
}

// createFileRegistry walks the dependencies of dependencies, each time anew, though a file can only name types of the files it imports
// itself: 75 ms for a small bootstrap. It need not know of them.
function withoutDependencies(file: DescFile): DescFile {
  return { ...file, dependencies: [] }
}
