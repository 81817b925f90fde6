package rpc

import (
	"context"
	"net/http"
	"testing"

	"fealty/features/frame"
	"fealty/serving"
	fealtyv1 "fealty/serving/gen/fealty/v1"
)

// An account that goes on in another is answered with the other's score, which says
// so, over gRPC and REST alike, whether it is published or of now.
func TestAnswerOfAnotherAccountSaysSo(t *testing.T) {
	v := serve(t, nil)
	v.answers.get = func(_ context.Context, a frame.AccountID) (serving.Answer, error) {
		x := answerFor("heir")
		x.Moved, x.OptedOut = &serving.Moved{Account: a, Kind: "merged", Since: 1_315_612_800}, true
		return x, nil
	}
	client := fealtyv1.NewScoresClient(v.conn)
	ctx := as(t, fullKey)
	one, err := client.GetScore(ctx, &fealtyv1.GetScoreRequest{Account: "old"})
	if err != nil {
		t.Fatal(err)
	}
	batch, err := client.BatchGetScores(ctx, &fealtyv1.BatchGetScoresRequest{Accounts: []string{"old"}})
	if err != nil {
		t.Fatal(err)
	}
	now, err := client.ScoreNow(ctx, &fealtyv1.ScoreNowRequest{Accounts: []string{"old"}})
	if err != nil {
		t.Fatal(err)
	}
	for call, s := range map[string]*fealtyv1.Score{"GetScore": one, "BatchGetScores": batch.GetScores()[0], "ScoreNow": now.GetScores()[0]} {
		if m := s.GetMoved(); s.GetAccount() != "heir" || m.GetAccount() != "old" || m.GetKind() != "merged" || m.GetSince().GetSeconds() != 1_315_612_800 || !s.GetOptedOut() {
			t.Errorf("%s answers %v", call, s)
		}
	}
	want := map[string]any{"account": "old", "kind": "merged", "since": "2011-09-10T00:00:00Z"}
	ask := func(method, path, body string) map[string]any {
		t.Helper()
		code, answer, _ := v.rest(t, method, path, fullKey, body)
		if code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, code, answer)
		}
		return decode(t, answer)
	}
	first := func(answer map[string]any) map[string]any { return firstScore(t, answer) }
	for path, s := range map[string]map[string]any{
		"/v1/scores/old":      ask(http.MethodGet, "/v1/scores/old", ""),
		"/v1/scores:batchGet": first(ask(http.MethodPost, "/v1/scores:batchGet", `{"accounts":["old"]}`)),
		"/v1/scores:scoreNow": first(ask(http.MethodPost, "/v1/scores:scoreNow", `{"accounts":["old"]}`)),
	} {
		moved, _ := s["moved"].(map[string]any)
		if s["account"] != "heir" || s["optedOut"] != true || len(moved) != len(want) || moved["account"] != want["account"] || moved["kind"] != want["kind"] || moved["since"] != want["since"] {
			t.Errorf("%s answers %v", path, s)
		}
	}
}

// firstScore is the first of an answer's scores.
func firstScore(t *testing.T, answer map[string]any) map[string]any {
	t.Helper()
	all, ok := answer["scores"].([]any)
	if !ok || len(all) == 0 {
		t.Fatalf("no scores in %v", answer)
	}
	s, ok := all[0].(map[string]any)
	if !ok {
		t.Fatalf("a score is %v", all[0])
	}
	return s
}

// Each call that reads a run asks of groups when the request says so.
func TestGroupsAreAskedForByASwitch(t *testing.T) {
	v := serve(t, nil)
	marked := func(a frame.AccountID) serving.Answer {
		x := answerFor(a)
		x.Run = "groups"
		return x
	}
	v.answers.groups = &fakeAnswers{
		get: func(_ context.Context, a frame.AccountID) (serving.Answer, error) { return marked(a), nil },
		list: func(context.Context, serving.ListRequest) (serving.ListPage, error) {
			return serving.ListPage{Answers: []serving.Answer{marked("holding")}, Total: 1}, nil
		},
	}
	client, ctx := fealtyv1.NewScoresClient(v.conn), as(t, fullKey)
	for groups, want := range map[bool]string{false: "run-1", true: "groups"} {
		one, err := client.GetScore(ctx, &fealtyv1.GetScoreRequest{Account: "holding", Groups: groups})
		if err != nil || one.GetRun() != want {
			t.Errorf("groups %v: GetScore %v, %v", groups, one, err)
		}
		batch, err := client.BatchGetScores(ctx, &fealtyv1.BatchGetScoresRequest{Accounts: []string{"holding"}, Groups: groups})
		if err != nil || batch.GetScores()[0].GetRun() != want {
			t.Errorf("groups %v: BatchGetScores %v, %v", groups, batch, err)
		}
		page, err := client.ListScores(ctx, &fealtyv1.ListScoresRequest{Groups: groups})
		if err != nil || page.GetScores()[0].GetRun() != want {
			t.Errorf("groups %v: ListScores %v, %v", groups, page, err)
		}
	}
	for _, query := range []string{"account=other", "groups=true&account=other", "groups=true&groups=false", "groups=perhaps", "groups=true&%zz"} {
		if code, body, _ := v.rest(t, http.MethodGet, "/v1/scores/holding?"+query, fullKey, ""); code != http.StatusBadRequest {
			t.Errorf("query %s: %d %s", query, code, body)
		}
	}
	for _, path := range []string{"/v1/scores/holding?groups=true", "/v1/scores?groups=true"} {
		code, body, _ := v.rest(t, http.MethodGet, path, fullKey, "")
		s := decode(t, body)
		if s["scores"] != nil {
			s = firstScore(t, s)
		}
		if code != http.StatusOK || s["run"] != "groups" {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
}
