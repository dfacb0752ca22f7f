import { create, toBinary } from '@bufbuild/protobuf'
import { carried, later, whole } from '../../../../api/field-policy.js'
import { defineNativeHttpFilter } from '../../../../api/native.js'
import type { Place, PlanContext, PlanInit } from '../../../../api/plan-context.js'
import {
  HeaderMutationFilterSchema,
  MutationsSchema,
  type QueryStepSchema,
  Step_Action as Action,
  type StepSchema,
} from '../../../../generated/filters/http/header_mutation/plan_pb.js'
import type { HeaderMutation as Mutation } from '../../../../generated/protos/envoy/config/common/mutation_rules/v3/mutation_rules_pb.js'
import {
  type HeaderValueOption,
  HeaderValueOption_HeaderAppendAction as Append,
  type KeyValueMutation,
} from '../../../../generated/protos/envoy/config/core/v3/base_pb.js'
import type {
  HeaderMutation,
  HeaderMutationPerRoute,
  Mutations,
} from '../../../../generated/protos/envoy/extensions/filters/http/header_mutation/v3/header_mutation_pb.js'

type StepInit = PlanInit<typeof StepSchema>

const schema = 'envoy.extensions.filters.http.header_mutation.v3'

/** envoy.filters.http.header_mutation: changes headers, trailers and query parameters, in the order given. */
const headerMutation = defineNativeHttpFilter<HeaderMutation, HeaderMutationPerRoute>({
  name: 'envoy.filters.http.header_mutation',
  typeNames: [`${schema}.HeaderMutation`],
  status: 'stable',
  securityPosture: 'unknown',
  isUpstreamToo: true,
  plan: (config, context) =>
    toBinary(
      HeaderMutationFilterSchema,
      create(HeaderMutationFilterSchema, {
        mutations: mutations(config.mutations, context, context.field('mutations')),
        mostSpecificWins: config.mostSpecificHeaderMutationsWins,
      }),
    ),
  route: {
    typeNames: [`${schema}.HeaderMutationPerRoute`],
    plan: (config, context) =>
      toBinary(
        MutationsSchema,
        create(MutationsSchema, mutations(config.mutations, context, context.field('mutations'))),
      ),
  },
  policy: {
    [`${schema}.HeaderMutation`]: { ...carried('mutations'), ...whole('most_specific_header_mutations_wins') },
    [`${schema}.HeaderMutationPerRoute`]: carried('mutations'),
    [`${schema}.Mutations`]: {
      ...carried('request_mutations response_mutations request_trailers_mutations response_trailers_mutations'),
      ...carried('query_parameter_mutations'),
      ...later('formatters', 'formatter extensions of header_mutation'),
    },
    'envoy.config.core.v3.KeyValueMutation': { ...carried('append'), ...whole('remove') },
    'envoy.config.core.v3.KeyValueAppend': { ...whole('entry record action') },
  },
})

function mutations(config: Mutations | undefined, context: PlanContext, at: Place): PlanInit<typeof MutationsSchema> {
  if (!config) return {}
  const list = (name: string, all: readonly Mutation[]): StepInit[] =>
    all.map((mutation, index) => step(mutation, context, at.field(name).item(index)))
  return {
    request: list('request_mutations', config.requestMutations),
    response: list('response_mutations', config.responseMutations),
    requestTrailers: list('request_trailers_mutations', config.requestTrailersMutations),
    responseTrailers: list('response_trailers_mutations', config.responseTrailersMutations),
    query: config.queryParameterMutations.map((mutation, index) =>
      queryStep(mutation, context, at.field('query_parameter_mutations').item(index)),
    ),
  }
}

function step({ action }: Mutation, context: PlanContext, at: Place): StepInit {
  switch (action.case) {
    case 'remove':
      return { action: Action.REMOVE, name: action.value.toLowerCase() }
    case 'removeOnMatch': {
      const matcher = action.value.keyMatcher
      const place = at.field('remove_on_match').field('key_matcher')
      return { action: Action.REMOVE_ON_MATCH, ...(matcher && { matcher: context.stringMatcher(matcher, place) }) }
    }
    case 'append':
      return addition(action.value, context, at.field('append'))
    default:
      return {}
  }
}

const actions: Readonly<Record<Append, Action>> = {
  [Append.APPEND_IF_EXISTS_OR_ADD]: Action.APPEND_IF_EXISTS_OR_ADD,
  [Append.ADD_IF_ABSENT]: Action.ADD_IF_ABSENT,
  [Append.OVERWRITE_IF_EXISTS_OR_ADD]: Action.OVERWRITE_IF_EXISTS_OR_ADD,
  [Append.OVERWRITE_IF_EXISTS]: Action.OVERWRITE_IF_EXISTS,
}

function addition(option: HeaderValueOption, context: PlanContext, at: Place): StepInit {
  const inHeader = at.field('header')
  const raw = option.header?.rawValue ?? new Uint8Array()
  const isRaw = raw.length > 0
  const text = isRaw ? Buffer.from(raw).toString('utf8') : (option.header?.value ?? '')
  return {
    action: actions[option.appendAction],
    name: (option.header?.key ?? '').toLowerCase(),
    value: context.format(text, inHeader.field(isRaw ? 'raw_value' : 'value')),
    keepEmptyValue: option.keepEmptyValue,
  }
}

function queryStep(mutation: KeyValueMutation, context: PlanContext, at: Place): PlanInit<typeof QueryStepSchema> {
  const { append, remove } = mutation
  if (!append) return { action: Action.REMOVE, key: remove }
  const place = at.field('append')
  const record = append.record
  if (!record) {
    place.field('record').error('No record or entry is specified')
    return {}
  }
  const { value } = record
  if (value?.kind.case !== 'stringValue') {
    place.field('record').field('value').error('Only string value is allowed for record value.')
    return {}
  }
  return {
    action: append.action as number as Action,
    key: record.key,
    value: context.format(value.kind.value, place.field('record').field('value')),
  }
}

export default [headerMutation]
