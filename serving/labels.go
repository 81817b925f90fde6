package serving

import "fealty/features"

// labels asks for labels by a rule under these settings.
func (c *calendar) labels(rule features.LabelRule) features.LabelRequest {
	return features.LabelRequest{Rule: rule, Through: c.through, Watermark: c.watermark, KnownLag: c.KnownLag}
}
