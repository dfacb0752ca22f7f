/** The compressor and decompressor libraries, and what both filters say of a direction. */
import { carried, type PolicyTable, whole } from '../../../../api/field-policy.js'
import type { Place, PlanContext, PlanInit } from '../../../../api/plan-context.js'
import { CompressionLibrary_Kind as Kind, type CompressionLibrarySchema } from '../../../../generated/plan_pb.js'
import type { DataSource, RuntimeFeatureFlag } from '../../../../generated/protos/envoy/config/core/v3/base_pb.js'
import type { TypedExtensionConfig } from '../../../../generated/protos/envoy/config/core/v3/extension_pb.js'
import {
  type Brotli as BrotliCompressor,
  Brotli_EncoderMode as Mode,
} from '../../../../generated/protos/envoy/extensions/compression/brotli/compressor/v3/brotli_pb.js'
import type { Brotli as BrotliDecompressor } from '../../../../generated/protos/envoy/extensions/compression/brotli/decompressor/v3/brotli_pb.js'
import {
  type Gzip as GzipCompressor,
  Gzip_CompressionLevel as Level,
} from '../../../../generated/protos/envoy/extensions/compression/gzip/compressor/v3/gzip_pb.js'
import type { Gzip as GzipDecompressor } from '../../../../generated/protos/envoy/extensions/compression/gzip/decompressor/v3/gzip_pb.js'
import type { Zstd as ZstdCompressor } from '../../../../generated/protos/envoy/extensions/compression/zstd/compressor/v3/zstd_pb.js'
import type { Zstd as ZstdDecompressor } from '../../../../generated/protos/envoy/extensions/compression/zstd/decompressor/v3/zstd_pb.js'

type LibraryInit = PlanInit<typeof CompressionLibrarySchema>

const base = 'envoy.extensions.compression'
const chunkSize = 4096
const zstdBlock = 131_072 // what zstd advises for its output, and Envoy takes
const zlibDefaultLevel = -1

const modes: Readonly<Record<Mode, number>> = { [Mode.DEFAULT]: 0, [Mode.GENERIC]: 0, [Mode.TEXT]: 1, [Mode.FONT]: 2 }

export const compressorLibraryPolicy: PolicyTable = {
  [`${base}.gzip.compressor.v3.Gzip`]: whole(
    'memory_level compression_level compression_strategy window_bits chunk_size',
  ),
  [`${base}.brotli.compressor.v3.Brotli`]: whole(
    'quality encoder_mode window_bits input_block_bits chunk_size disable_literal_context_modeling',
  ),
  [`${base}.zstd.compressor.v3.Zstd`]: {
    ...whole('compression_level enable_checksum strategy chunk_size'),
    ...carried('dictionary'),
  },
}

export const decompressorLibraryPolicy: PolicyTable = {
  [`${base}.gzip.decompressor.v3.Gzip`]: whole('window_bits chunk_size max_inflate_ratio'),
  [`${base}.brotli.decompressor.v3.Brotli`]: whole('disable_ring_buffer_reallocation chunk_size'),
  [`${base}.zstd.decompressor.v3.Zstd`]: { ...whole('chunk_size'), ...carried('dictionaries') },
}

/** `at`: the place of the TypedExtensionConfig. Undefined where an error was reported. */
export function compressionLibrary(
  config: TypedExtensionConfig | undefined,
  context: PlanContext,
  at: Place,
): LibraryInit | undefined {
  const place = at.field('typed_config')
  if (!config?.typedConfig) return undefined
  const unpacked = context.unpack(config.typedConfig, place)
  switch (unpacked?.typeName) {
    case `${base}.gzip.compressor.v3.Gzip`:
      return gzipCompressor(unpacked.message as GzipCompressor)
    case `${base}.gzip.decompressor.v3.Gzip`:
      return gzipDecompressor(unpacked.message as GzipDecompressor)
    case `${base}.brotli.compressor.v3.Brotli`:
      return brotliCompressor(unpacked.message as BrotliCompressor)
    case `${base}.brotli.decompressor.v3.Brotli`:
      return brotliDecompressor(unpacked.message as BrotliDecompressor)
    case `${base}.zstd.compressor.v3.Zstd`: {
      const zstd = unpacked.message as ZstdCompressor
      const dictionaries = zstd.dictionary ? [zstd.dictionary] : []
      return zstdLibrary(dictionaries, context, place, () => place.field('dictionary'), {
        chunkSize: zstd.chunkSize ?? chunkSize,
        level: zstd.compressionLevel ?? 3,
        strategy: zstd.strategy,
        checksum: zstd.enableChecksum,
      })
    }
    case `${base}.zstd.decompressor.v3.Zstd`: {
      const { dictionaries, chunkSize: size } = unpacked.message as ZstdDecompressor
      return zstdLibrary(dictionaries, context, place, index => place.field('dictionaries').item(index), {
        chunkSize: size ?? zstdBlock,
      })
    }
    default:
      return undefined
  }
}

function gzipCompressor(gzip: GzipCompressor): LibraryInit {
  return {
    kind: Kind.GZIP,
    chunkSize: gzip.chunkSize ?? chunkSize,
    level: gzip.compressionLevel === Level.DEFAULT_COMPRESSION ? zlibDefaultLevel : gzip.compressionLevel,
    strategy: gzip.compressionStrategy,
    windowBits: gzip.windowBits ?? 12,
    memoryLevel: gzip.memoryLevel ?? 5,
  }
}

function gzipDecompressor(gzip: GzipDecompressor): LibraryInit {
  return {
    kind: Kind.GZIP,
    chunkSize: gzip.chunkSize ?? chunkSize,
    windowBits: gzip.windowBits ?? 15,
    maxInflateRatio: gzip.maxInflateRatio ?? 100,
  }
}

function brotliCompressor(brotli: BrotliCompressor): LibraryInit {
  return {
    kind: Kind.BROTLI,
    chunkSize: brotli.chunkSize ?? chunkSize,
    level: brotli.quality ?? 3,
    strategy: modes[brotli.encoderMode],
    windowBits: brotli.windowBits ?? 18,
    inputBlockBits: brotli.inputBlockBits ?? 24,
    disableLiteralContextModeling: brotli.disableLiteralContextModeling,
  }
}

function brotliDecompressor(brotli: BrotliDecompressor): LibraryInit {
  return {
    kind: Kind.BROTLI,
    chunkSize: brotli.chunkSize ?? chunkSize,
    disableRingBufferReallocation: brotli.disableRingBufferReallocation,
  }
}

function zstdLibrary(
  dictionaries: readonly DataSource[],
  context: PlanContext,
  at: Place,
  placeOf: (index: number) => Place,
  settings: LibraryInit,
): LibraryInit {
  if (process.versions['zstd'] === undefined) at.unsupported(`zstd with Node ${process.versions.node}, which has none`)
  const bytes = dictionaries.map((source, index) => context.dataSource(source, placeOf(index)))
  return {
    ...settings,
    kind: Kind.ZSTD,
    dictionaries: bytes.filter(one => one !== undefined),
  }
}

/** A flag that is on unless the configuration or the runtime says otherwise. */
export function featureFlag(flag: RuntimeFeatureFlag | undefined): { enabled: boolean; runtimeKey: string } {
  return { enabled: flag?.defaultValue ?? true, runtimeKey: flag?.runtimeKey ?? '' }
}
