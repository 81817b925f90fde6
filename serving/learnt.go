package serving

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"fealty/features/frame"
	"fealty/model"
)

// Note is a sentence beside an answer.
type Note struct {
	EN string `json:"en"`
	ZH string `json:"zh"`
}

// learnt says to which day's end the parameters were learnt, and that this is later
// than the cutoff that is told of, if it is: what is told then is not what would
// have been told on that day.
func (of *WorthOf) learnt(card *model.Card, at frame.Cutoff, zone *time.Location) {
	of.LearntThrough = card.TestCutoff
	test, err := frame.ParseCutoff(card.TestCutoff, zone)
	if err != nil || test <= at {
		return
	}
	of.Later = &Note{
		EN: fmt.Sprintf("The parameters were learnt on what was known by %s, later than %s: what is told here could not have been told on that day.", card.TestCutoff, of.Cutoff),
		ZH: fmt.Sprintf("参数是根据截至%s的已知信息学得的，晚于%s：此处结果在当日尚无法得出。", card.TestCutoff, of.Cutoff),
	}
}

// cardOf reads the card of a model, nil when the model is gone or has none.
func (s *Service) cardOf(ctx context.Context, version string) (*model.Card, error) {
	_, m, err := s.Registry.LoadModel(ctx, version)
	if errors.Is(err, ErrNotFound) || err == nil && len(m.Card) == 0 {
		return nil, nil //nolint:nilnil // a run outlives its model
	}
	if err != nil {
		return nil, err
	}
	card := &model.Card{}
	if err := json.Unmarshal(m.Card, card); err != nil {
		return nil, fmt.Errorf("read the card of model %q: %w", version, err)
	}
	return card, nil
}
