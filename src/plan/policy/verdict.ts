export * from '../../api/field-policy.js'
