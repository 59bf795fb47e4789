// Prints how GitOps tools interpret objects, with their own libraries: Flux and kpt by kstatus, Argo CD by Lua, run with the
// library and the few functions that it gives to scripts.
//
//	gitops kstatus          the status of each object
//	gitops lua SCRIPT.lua   what the script returns for each object, which it finds as `obj`
//
// Objects come as JSON, one a line; each is answered by a line of JSON.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	luajson "layeh.com/gopher-json"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

// The longest line; an object cannot be larger than this in etcd.
const longest = 4 << 20

func main() {
	judge, err := judgeFor(os.Args[1:])
	if err == nil {
		err = answerAll(judge)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type judge func(*unstructured.Unstructured) (any, error)

func judgeFor(args []string) (judge, error) {
	switch {
	case len(args) == 1 && args[0] == "kstatus":
		return kstatus, nil
	case len(args) == 2 && args[0] == "lua":
		script, err := os.ReadFile(args[1])
		if err != nil {
			return nil, err
		}
		return func(object *unstructured.Unstructured) (any, error) {
			return run(string(script), object)
		}, nil
	}
	return nil, fmt.Errorf("usage: gitops kstatus | gitops lua SCRIPT.lua")
}

func answerAll(judge judge) error {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, longest)
	answers := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		object := &unstructured.Unstructured{}
		// Integers stay integers, as in a client that reads from the API server.
		if err := object.UnmarshalJSON(lines.Bytes()); err != nil {
			return err
		}
		verdict, err := judge(object)
		if err != nil {
			return fmt.Errorf("%s: %w", object.GetName(), err)
		}
		if err := answers.Encode(verdict); err != nil {
			return err
		}
	}
	return lines.Err()
}

func kstatus(object *unstructured.Unstructured) (any, error) {
	result, err := status.Compute(object)
	if err != nil {
		return nil, err
	}
	return map[string]string{"status": result.Status.String(), "message": result.Message}, nil
}

// run gives a script what Argo CD gives to those of its users: the base and table libraries, the time, and the object.
func run(script string, object *unstructured.Unstructured) (any, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{
		lua.LoadLibName: lua.OpenPackage,
		lua.BaseLibName: lua.OpenBase,
		lua.TabLibName:  lua.OpenTable,
	} {
		call := lua.P{Fn: state.NewFunction(open), NRet: 0, Protect: true}
		if err := state.CallByParam(call, lua.LString(name)); err != nil {
			return nil, err
		}
	}
	state.PreloadModule(lua.OsLibName, clock)
	state.SetGlobal("obj", toLua(state, object.Object))
	if err := state.DoString(script); err != nil {
		return nil, err
	}
	answer, err := luajson.Encode(state.Get(-1))
	if err != nil {
		return nil, err
	}
	var value any
	if err := json.Unmarshal(answer, &value); err != nil {
		return nil, err
	}
	return likeBefore(value, object.Object), nil
}

// clock is what Argo CD leaves of the library os.
func clock(state *lua.LState) int {
	lua.OpenOs(state)
	whole := state.GetGlobal(lua.OsLibName)
	state.SetGlobal(lua.OsLibName, lua.LNil)
	table := state.NewTable()
	for _, name := range []string{"date", "time"} {
		table.RawSetString(name, state.GetField(whole, name))
	}
	state.Push(table)
	return 1
}

func toLua(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case bool:
		return lua.LBool(value)
	case string:
		return lua.LString(value)
	case int64:
		return lua.LNumber(value)
	case float64:
		return lua.LNumber(value)
	case []any:
		table := state.CreateTable(len(value), 0)
		for _, item := range value {
			table.Append(toLua(state, item))
		}
		return table
	case map[string]any:
		table := state.CreateTable(0, len(value))
		for key, item := range value {
			table.RawSetString(key, toLua(state, item))
		}
		return table
	}
	return lua.LNil
}

// likeBefore restores what Lua can't distinguish, as Argo CD does: an object without fields is returned as an empty list.
func likeBefore(value, before any) any {
	switch before := before.(type) {
	case map[string]any:
		if list, isList := value.([]any); isList && len(list) == 0 {
			return map[string]any{}
		}
		if fields, isObject := value.(map[string]any); isObject {
			for key, field := range fields {
				fields[key] = likeBefore(field, before[key])
			}
		}
	case []any:
		if list, isList := value.([]any); isList {
			for index := 0; index < len(list) && index < len(before); index++ {
				list[index] = likeBefore(list[index], before[index])
			}
		}
	}
	return value
}
