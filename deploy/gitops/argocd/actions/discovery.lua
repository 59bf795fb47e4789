local annotations = obj.metadata.annotations or {}
local isPaused = annotations["vps247.com/paused"] == "true"
local isDeleting = obj.metadata.deletionTimestamp ~= nil
local isRunning = obj.status ~= nil and obj.status.state == "Running"

return {
  ["pause"] = { ["disabled"] = isPaused },
  ["resume"] = { ["disabled"] = not isPaused },
  ["reconcile"] = { ["disabled"] = false },
  ["restart"] = { ["disabled"] = isDeleting or not isRunning },
}
