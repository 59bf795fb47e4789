// Package types has go.mod name the Prometheus Operator's API, of which controller-gen makes its CustomResourceDefinitions.
package types

import _ "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
