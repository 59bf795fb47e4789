// Package types has go.mod name the Prometheus Operator's API, from which controller-gen generates its CRDs.
package types

import _ "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
