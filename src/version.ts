/** Put in by the build; a program run from its sources says so. */
declare const OPERATOR_VERSION: string | undefined;

export const operatorVersion = typeof OPERATOR_VERSION === 'string' ? OPERATOR_VERSION : '0.0.0-source';
