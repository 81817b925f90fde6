package clickhouse

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"fealty/features"
	"fealty/features/frame"
)

// mapHosts makes the canonical views on each host of the cluster, in the
// database of its mapped facts. All hosts are looked at before the first view is
// made.
func (w Warehouse) mapHosts(ctx context.Context, sources []features.MappedSource) error {
	info := w.Info()
	for _, s := range sources {
		if s.Cluster != info.Cluster || info.Cluster == "" {
			return fmt.Errorf("%w: source %q: cluster %q is not the one of warehouse.url (%q)", features.ErrBadRequest, s.Name, s.Cluster, info.Cluster)
		}
	}
	if info.Cluster == "" {
		return nil
	}
	all, err := w.clusterHosts(ctx)
	if err != nil {
		return err
	}
	type plan struct {
		Engine
		address string
		mapped  map[string][]*mapping
	}
	var plans []plan
	defer func() {
		for _, p := range plans {
			_ = p.Close() // nothing is lost with it
		}
	}()
	for _, address := range all {
		host, err := w.openHost(address)
		if err != nil {
			return err
		}
		plans = append(plans, plan{Engine: host, address: address})
		if err := host.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+quoted(info.ShardDatabase), nil); err != nil {
			return fmt.Errorf("make the database of mapped facts on %s: %w", address, err)
		}
		mapped, err := compileAll(ctx, host, info.ShardDatabase, sources)
		if err != nil {
			return fmt.Errorf("on %s: %w", address, err)
		}
		plans[len(plans)-1].mapped = mapped
	}
	for k, p := range plans {
		comments, err := viewComments(ctx, p, "'"+quoteEscapes.Replace(info.ShardDatabase)+"'")
		if err != nil {
			return fmt.Errorf("on %s: %w", p.address, err)
		}
		for _, schema := range features.Schemas() {
			sql := "CREATE OR REPLACE VIEW " + quoted(info.ShardDatabase) + "." + quoted(schema.Name) + " AS\n"
			parts := branches(p.mapped, schema.Name)
			if len(parts) == 0 {
				parts = []string{emptyBranch(schema)}
			}
			for i, part := range parts {
				if i > 0 {
					sql += "\nUNION ALL\n" //nolint:modernize // two or three parts
				}
				sql += part
			}
			if err := replaceView(ctx, p, schema.Name, sql, comments, false); err != nil {
				return fmt.Errorf("on %s: %w", p.address, err)
			}
		}
		if k == 0 {
			if err := remember(ctx, w.Engine, p.mapped); err != nil {
				return err
			}
		}
	}
	return nil
}

// clusterHosts returns the addresses of the cluster's hosts, replicas too.
func (w Warehouse) clusterHosts(ctx context.Context) ([]string, error) {
	var all []string
	err := w.Query(ctx, "SELECT host_name, port FROM system.clusters WHERE cluster = {cluster:String} ORDER BY shard_num, replica_num",
		Params{"cluster": w.Info().Cluster}, func(t *frame.Table) error {
			for i, name := range t.Columns[0].Texts {
				all = append(all, net.JoinHostPort(name, strconv.FormatInt(t.Columns[1].Integers[i], 10)))
			}
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("ask for the hosts of cluster %q: %w", w.Info().Cluster, err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: the server knows no cluster %q", ErrSource, w.Info().Cluster)
	}
	return slices.Compact(all), nil
}

// openHost connects to one host of the cluster as the warehouse's user. The
// version and rights of the first host are known, and those of the others show
// at the first statement.
func (w Warehouse) openHost(address string) (Engine, error) {
	first, ok := w.Engine.(*server)
	if !ok {
		return nil, fmt.Errorf("%w: the embedded warehouse has no cluster", ErrSource)
	}
	options := first.options
	options.hosts, options.database, options.cluster, options.shardDatabase = []string{address}, "default", "", ""
	s := &server{options: options, limits: first.limits, closed: make(chan struct{})}
	s.slots = make(chan struct{}, s.limits.Pool)
	s.hosts = &hosts{options: &s.options, down: map[string]time.Time{}, asking: map[string]bool{}}
	s.wires = &wires{hosts: s.hosts}
	pool, err := driver.Open(s.options.driverOptions(s.hosts, s.limits))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", s.options, err)
	}
	s.pool = pool
	s.info = Info{Kind: "clickhouse", Version: first.info.Version, Hosts: options.hosts}
	return s, nil
}
