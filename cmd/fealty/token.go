package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"fealty/serving"
	"fealty/serving/rpc"
	"fealty/serving/store"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Keys lie in the state directory: a serve process that runs over it knows a
// new key at once and forgets a revoked one within two seconds.
func newToken(e *env) *cobra.Command {
	return group("token", "Create, list and revoke keys of the API", newTokenCreate(e), newTokenList(e), newTokenRevoke(e))
}

type tokenCreateOptions struct {
	name   string
	scopes []string
	ttl    string
	flags  *pflag.FlagSet
}

func newTokenCreate(e *env) *cobra.Command {
	o := tokenCreateOptions{}
	c := &cobra.Command{
		Use: "create --name NAME", Short: "Create a key and show it, once", Args: none,
		Long: "Creates a key and prints it: the only time that it can be seen, because only a hash of it is kept.",
		Example: `  fealty token create --name dashboard
  fealty token create --name crm --scope scores.read --scope scores.now --expires 90d
  export FEALTY_TOKEN=$(fealty token create --name me)`,
		RunE: func(c *cobra.Command, _ []string) error {
			o.flags = c.Flags()
			return runTokenCreate(c.Context(), e, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.name, "name", "", "what the key is for, 1 to 100 printable characters")
	f.StringSliceVar(&o.scopes, "scope", []string{rpc.ScopeRead}, "what it allows: scores.read, scores.now, wallets.declare; may be repeated")
	f.StringVar(&o.ttl, "expires", "0", "when it stops to hold, such as 90d; 0 means never")
	addConfigFlags(f, "state.dir")
	return c
}

// listedToken is a key as it is shown.
type listedToken struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Scopes  []string   `json:"scopes"`
	Created time.Time  `json:"created_at"`
	Expires *time.Time `json:"expires_at"`
	Revoked *time.Time `json:"revoked_at"`
	// Key stands in the answer of create only.
	Key string `json:"key,omitempty"`
}

func listToken(t store.Token) listedToken {
	l := listedToken{ID: t.ID, Name: t.Name, Scopes: t.Scopes, Created: t.Created}
	if !t.Expires.IsZero() {
		l.Expires = &t.Expires
	}
	if !t.Revoked.IsZero() {
		l.Revoked = &t.Revoked
	}
	return l
}

func runTokenCreate(ctx context.Context, e *env, o tokenCreateOptions) error {
	ttl, err := parseDuration(o.ttl)
	if err != nil {
		return fmt.Errorf("--expires: %w: %w", err, serving.ErrInvalid)
	}
	if err := rpc.CheckScopes(o.scopes); err != nil {
		return fmt.Errorf("--scope: %w: %w", err, serving.ErrInvalid)
	}
	return e.withState(ctx, o.flags, func(_ *config, state *store.State) error {
		key, token, err := state.CreateToken(ctx, o.name, o.scopes, ttl)
		if err != nil {
			return err
		}
		if e.global.output == tableForm {
			// Alone on its line, so that a script takes it as it is.
			e.say("key %s, %v; it is shown this once", token.ID, token.Scopes)
			_, err := io.WriteString(e.stdout, key+"\n")
			return err
		}
		listed := listToken(token)
		listed.Key = key
		return e.show(answer{data: listed, sections: []section{{
			head: []string{"id", "name", "key"}, rows: [][]any{{token.ID, token.Name, key}},
		}}})
	})
}

func newTokenList(e *env) *cobra.Command {
	c := &cobra.Command{
		Use: "list", Short: "List the keys, newest first", Args: none,
		Example: `  fealty token list -o json`,
		RunE:    func(c *cobra.Command, _ []string) error { return runTokenList(c.Context(), e, c.Flags()) },
	}
	addConfigFlags(c.Flags(), "state.dir")
	return c
}

func runTokenList(ctx context.Context, e *env, flags *pflag.FlagSet) error {
	return e.withState(ctx, flags, func(_ *config, state *store.State) error {
		tokens, err := state.Tokens(ctx)
		if err != nil {
			return err
		}
		list := []listedToken{}
		s := section{head: []string{"id", "name", "scopes", "created_at", "expires_at", "revoked_at"}}
		for _, t := range tokens {
			list = append(list, listToken(t))
			s.rows = append(s.rows, []any{t.ID, t.Name, joinAny(t.Scopes, " "), t.Created, t.Expires, t.Revoked})
		}
		return e.show(answer{data: list, sections: []section{s}})
	})
}

func newTokenRevoke(e *env) *cobra.Command {
	c := &cobra.Command{
		Use: "revoke ID", Short: "End a key for ever", Args: arguments(1, 1, "a key's id"),
		Example: `  fealty token revoke 3Jx9QmZ0aB1c`,
		RunE:    func(c *cobra.Command, args []string) error { return runTokenRevoke(c.Context(), e, c.Flags(), args[0]) },
	}
	addConfigFlags(c.Flags(), "state.dir")
	return c
}

func runTokenRevoke(ctx context.Context, e *env, flags *pflag.FlagSet, id string) error {
	return e.withState(ctx, flags, func(_ *config, state *store.State) error {
		if err := state.Revoke(ctx, id); err != nil {
			return err
		}
		e.say("key %s holds no more", id)
		return nil
	})
}
