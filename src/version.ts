/** Defined by the build. Undefined when the operator runs from source. */
declare const OPERATOR_VERSION: string | undefined;

export const operatorVersion = typeof OPERATOR_VERSION === 'string' ? OPERATOR_VERSION : '0.0.0-source';
