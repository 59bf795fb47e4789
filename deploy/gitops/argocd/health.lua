-- Health of a VirtualMachine or an Account for Argo CD. docs/gitops-health.md lists the result for each reason.
-- Argo CD itself reports an object that is being deleted as Progressing, without this script.

local function answer(status, message)
  return { status = status, message = message }
end

local status = obj.status or {}

-- Until the operator has reconciled the present spec, the status refers to an earlier one.
if status.observedGeneration ~= obj.metadata.generation then
  return answer("Progressing", "waiting for the operator to look at this spec")
end

local condition = {}
for _, one in ipairs(status.conditions or {}) do
  condition[one.type] = one
end

local function isTrue(type)
  return condition[type] ~= nil and condition[type].status == "True"
end

if isTrue("Stalled") then
  return answer("Degraded", condition.Stalled.message)
end
if isTrue("Paused") then
  return answer("Suspended", condition.Paused.message)
end

local ready = condition.Ready
if ready == nil then
  return answer("Progressing", "waiting for the operator")
end

-- A VM that matched this spec stays healthy while the provider is unavailable, because nothing contradicts it.
if ready.status == "True" and ready.observedGeneration == obj.metadata.generation then
  local synced = condition.Synced
  if synced ~= nil and synced.status == "False" then
    return answer("Healthy", ready.message .. "; " .. synced.message)
  end
  local asSpecified = condition.AsSpecified
  if asSpecified ~= nil and asSpecified.status == "False" then
    return answer("Healthy", ready.message .. "; " .. asSpecified.message)
  end
  return answer("Healthy", ready.message)
end
if isTrue("Reconciling") then
  return answer("Progressing", condition.Reconciling.message)
end

-- Idle, and it doesn't match the spec.
if ready.reason == "PowerDrift" then
  return answer("Degraded", ready.message)
end
return answer("Suspended", ready.message)
